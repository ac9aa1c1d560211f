/** Why a file cannot be read, in words: Node's own repeat the path and name a system call. */
import { messageOf } from "./errors.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "may not be read by this user",
  EISDIR: "is a folder",
};

/** `the file /etc/offtake/password does not exist` */
export function unreadable(path: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return `the file ${path} ${reasons[code] ?? `cannot be read: ${messageOf(error)}`}`;
}
