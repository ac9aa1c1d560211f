/**
 * The user as whom PostgreSQL runs when root starts it: PostgreSQL refuses to run as root.
 *
 * `nobody` is on every system; a user of our own would have to be created, and would stay behind.
 */
import { readFileSync } from "node:fs";
import { OfftakeError } from "../../services/runtime/errors.ts";

export interface UnprivilegedUser {
  uid: number;
  gid: number;
}

/** The user to run PostgreSQL as; undefined when this process is not root's, and can run it as itself. */
export function unprivilegedUser(): UnprivilegedUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [name, , uid, gid] = line.split(":");
    // macOS writes -2 for 4294967294.
    if (name === "nobody") return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
  }
  throw new OfftakeError("STACK_SERVER_FAILED", "PostgreSQL refuses to run as root, and /etc/passwd has no user nobody.", {
    cure: "Start as another user than root.",
  });
}
