import { spawn } from "node:child_process";
import { EventEmitter, getEventListeners, once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { listenForStop, waitOrStop } from "../../../services/runtime/stop-signal.ts";

/** Stands in for `process`: keeps the code instead of exiting. */
class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

describe("listenForStop", () => {
  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("the first %s aborts, the second exits with %d", (name, code) => {
    const source = new FakeProcess();
    let clock = 0;
    const { signal } = listenForStop(source, () => clock);
    expect(signal.aborted).toBe(false);
    source.emit(name, name);
    expect(signal.aborted).toBe(true);
    expect(source.exits).toEqual([]);
    clock = 600;
    source.emit(name, name);
    expect(source.exits).toEqual([code]);
  });

  test("one Ctrl-C that arrives twice, as below npm, is one", () => {
    const source = new FakeProcess();
    let clock = 0;
    listenForStop(source, () => clock);
    source.emit("SIGINT", "SIGINT");
    clock = 20;
    source.emit("SIGINT", "SIGINT");
    expect(source.exits).toEqual([]);
    clock = 1000;
    source.emit("SIGINT", "SIGINT");
    expect(source.exits).toEqual([130]);
  });

  test("Ctrl-C while SIGTERM is being obeyed exits", () => {
    const source = new FakeProcess();
    listenForStop(source);
    source.emit("SIGTERM", "SIGTERM");
    source.emit("SIGINT", "SIGINT");
    expect(source.exits).toEqual([130]);
  });

  test("dispose gives the signals back", () => {
    const source = new FakeProcess();
    const stop = listenForStop(source);
    stop.dispose();
    expect([source.listenerCount("SIGTERM"), source.listenerCount("SIGINT")]).toEqual([0, 0]);
  });

  test("a real process drains after SIGTERM, and ends at once at the second", async () => {
    const module = JSON.stringify(fileURLToPath(new URL("../../../services/runtime/stop-signal.ts", import.meta.url)));
    // Draining takes for ever here: only the second signal can end it.
    const program = `
      import { listenForStop, waitOrStop } from ${module};
      const { signal } = listenForStop();
      console.log("waiting");
      console.log(await waitOrStop(1e9, signal));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    const output = child.stdout.setEncoding("utf8")[Symbol.asyncIterator]();
    expect((await output.next()).value).toBe("waiting\n");
    child.kill("SIGTERM");
    expect((await output.next()).value).toBe("stopped\n");
    child.kill("SIGTERM");
    expect(await exited).toEqual([143, null]);
  });
});

describe("waitOrStop", () => {
  test("waits", async () => {
    const before = performance.now();
    expect(await waitOrStop(20, new AbortController().signal)).toBe("elapsed");
    // Node's timers count whole milliseconds and may fire one early.
    expect(performance.now() - before).toBeGreaterThan(18);
  });

  test("ends when it must stop, and at once when it must stop already", async () => {
    const controller = new AbortController();
    const waiting = waitOrStop(1e12, controller.signal);
    controller.abort();
    expect(await waiting).toBe("stopped");
    expect(await waitOrStop(1e12, controller.signal)).toBe("stopped");
  });

  test("a wait longer than Node's longest timer is not one of 1 ms", async () => {
    const controller = new AbortController();
    const long = waitOrStop(Number.MAX_SAFE_INTEGER, controller.signal);
    const first = await Promise.race([long, waitOrStop(50, controller.signal).then(() => "the short one")]);
    controller.abort();
    expect(first).toBe("the short one");
    expect(await long).toBe("stopped");
  });

  test("leaves no listener behind", async () => {
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i += 1) await waitOrStop(0, signal);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
