import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text as textOf } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { failpoint, failpoints } from "../../../services/runtime/failpoint.ts";

const file = fileURLToPath(new URL("../../../services/runtime/failpoint.ts", import.meta.url));

/** A process that passes a place three times, and says so. */
function process3(place: string, armed: string): { readonly said: string; readonly signal: NodeJS.Signals | null } {
  const script = `import { failpoint } from ${JSON.stringify(file)}; for (let i = 1; i <= 3; i += 1) { failpoint?.(${JSON.stringify(place)}); console.log(i); }`;
  const { stdout, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    env: { ...process.env, OFFTAKE_FAILPOINT: armed },
  });
  return { said: String(stdout).trim().replaceAll("\n", " "), signal };
}

describe("failpoint", () => {
  test("is refused in production", () => {
    const script = `import { refuseFailpoints } from ${JSON.stringify(file)}; refuseFailpoints("development"); console.log("development"); refuseFailpoints("production");`;
    const env = { ...process.env, OFFTAKE_FAILPOINT: "before-commit:kill" };
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { env });
    expect([String(stdout), status]).toEqual(["development\n", 1]);
    expect(String(stderr)).toContain("OFFTAKE_FAILPOINT is set, and the configuration says `mode: production`.");
  });

  test("is not there unless the process was started with OFFTAKE_FAILPOINT", () => {
    expect(failpoint).toBeUndefined();
    expect(process3("before-commit", "")).toEqual({ said: "1 2 3", signal: null });
  });

  test("kills the process at the visit that was asked for, and nowhere else", () => {
    expect(process3("before-commit", "before-commit:kill:3")).toEqual({ said: "1 2", signal: "SIGKILL" });
    expect(process3("after-commit", "before-commit:kill")).toEqual({ said: "1 2 3", signal: null });
  });

  test("says what its parent has armed it with, once it is", async () => {
    const script = `import { failpoint } from ${JSON.stringify(file)}; setInterval(() => {}, 1000); process.on("message", () => failpoint("before-commit"));`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, OFFTAKE_FAILPOINT: "later" },
    });
    const ended = once(child, "exit");
    child.send("before-commit:kill");
    expect(await textOf(child.stderr!)).toBe('{"armed":"before-commit:kill"}\n{"failpoint":"before-commit","action":"kill"}\n');
    expect(await ended).toEqual([null, "SIGKILL"]);
  });

  test("drops the connection of the place, once", () => {
    const { reach, arm } = failpoints("after-fetch:drop:2");
    let dropped = 0;
    for (let i = 0; i < 5; i += 1) reach("after-fetch", () => (dropped += 1));
    expect(dropped).toBe(1);
    arm("after-fetch:drop:2+,before-fetch:drop");
    for (let i = 0; i < 5; i += 1) reach("after-fetch", () => (dropped += 1));
    expect(dropped).toBe(5);
  });

  test("fires on the path that was asked for, and on the first one that comes by where none was", () => {
    const { reach, arm } = failpoints("later");
    const dropped: string[] = [];
    const commit = (): void => {
      reach("before-target-commit-sent@merged", () => dropped.push("merged"));
      reach("before-target-commit-sent@alone", () => dropped.push("alone"));
    };
    arm("before-target-commit-sent@alone:drop");
    commit();
    commit();
    arm("before-target-commit-sent:drop");
    commit();
    expect(dropped).toEqual(["alone", "merged"]);
  });

  test.each(["", "commit:kill", "before-commit", "before-commit:die", "before-lunch:kill", "before-commit:kill:0", "before-commit@alone:kill"])(
    "refuses %j",
    (text) => {
      expect(() => failpoints(text)).toThrow(expect.objectContaining({ code: "USAGE" }));
    },
  );
});
