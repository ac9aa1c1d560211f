import { describe, expect, test } from "vitest";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { createLog, type Log } from "../../../services/runtime/log.ts";
import { Secret } from "../../../services/runtime/secret.ts";

function logged(write: (log: Log) => void, options: { env?: NodeJS.ProcessEnv; terminal?: boolean } = {}): string[] {
  const lines: string[] = [];
  write(createLog({ env: options.env ?? {}, terminal: options.terminal ?? false, write: (line) => lines.push(line) }));
  return lines;
}

function entry(write: (log: Log) => void): unknown {
  const lines = logged(write);
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? "");
}

describe("JSON lines", () => {
  test("say when, how bad, who and what", () => {
    const line = entry((log) => log.child({ service: "api" }).warn({ position: "0/1" }, "behind"));
    expect(line).toEqual({
      level: "warn",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      pid: process.pid,
      service: "api",
      position: "0/1",
      msg: "behind",
    });
  });

  test("one entry is one line", () => {
    expect(logged((log) => log.info("two\nlines"))).toEqual([expect.stringMatching(/^[^\n]*\n$/)]);
  });

  test("an error is told with code, message, cure and what caused it", () => {
    const cause = new Error("connection refused", {
      cause: Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", input: "hidden" }),
    });
    const error = new OfftakeError("USAGE", "It failed.", { cure: "Try this.", cause });
    const stack = expect.stringContaining("log.test.ts");
    expect(entry((log) => log.error(error))).toMatchObject({
      level: "error",
      msg: "It failed.",
      err: {
        code: "USAGE",
        message: "It failed.",
        cure: "Try this.",
        stack,
        cause: { message: "connection refused", stack, cause: { code: "ECONNREFUSED", message: "connect ECONNREFUSED", stack } },
      },
    });
    expect(logged((log) => log.error(error))[0]).not.toContain("hidden");
    expect(entry((log) => log.error({ err: error, service: "api" }, "own words"))).toMatchObject({
      msg: "own words",
      service: "api",
      err: { code: "USAGE" },
    });
  });

  test("a server that is away has no stack: nothing of ours is at fault", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const several = new AggregateError([refused, refused], "No bootstrap broker.");
    for (const cause of [undefined, refused, several, new Error("Cannot connect.", { cause: several })]) {
      const error = new OfftakeError("KAFKA_UNREACHABLE", "No broker answers.", { cause });
      expect(entry((log) => log.warn(error))).toMatchObject({ err: { code: "KAFKA_UNREACHABLE" } });
      expect(logged((log) => log.warn(error))[0]).not.toContain('"stack"');
    }
    const unknown = new OfftakeError("KAFKA_UNREACHABLE", "No broker answers.", { cause: new Error("an odd one") });
    expect(logged((log) => log.warn(unknown))[0]).toContain('"stack"');
  });

  test("an error that is its own cause, several errors in one, and what is no error", () => {
    const loop = new Error("round and round");
    loop.cause = loop;
    expect(JSON.stringify(entry((log) => log.error(loop))).match(/"message":"round and round"/g)).toHaveLength(8);
    const several = new AggregateError([new Error("::1 refused"), new Error("127.0.0.1 refused")], "");
    expect(entry((log) => log.error(several))).toMatchObject({ err: { message: "::1 refused; 127.0.0.1 refused" } });
    expect(entry((log) => log.error({ err: "thrown text" }))).toMatchObject({ err: { message: "thrown text" } });
  });

  test("secrets are redacted, and passwords in the URLs of others", () => {
    const line = entry((log) => log.info({ url: new Secret("hunter2") }, 'cannot reach postgres://me:hun"ter2@host/db'));
    expect(line).toMatchObject({ url: "[redacted]", msg: "cannot reach postgres://me:[redacted]@host/db" });
  });
});

const all = (log: Log) => {
  log.debug("debug");
  log.info("info");
  log.warn("warn");
  log.error("error");
};

describe("OFFTAKE_LOG_LEVEL", () => {
  test.each([
    [undefined, 3],
    ["debug", 4],
    ["error", 1],
    ["silent", 0],
  ])("%s: %d lines of four", (level, count) => {
    expect(logged(all, { env: level === undefined ? {} : { OFFTAKE_LOG_LEVEL: level } })).toHaveLength(count);
  });

  test("no level", () => {
    expect(() => logged(all, { env: { OFFTAKE_LOG_LEVEL: "verbose" } })).toThrow(
      expect.objectContaining({ code: "USAGE", message: "OFFTAKE_LOG_LEVEL is `verbose`: expected trace, debug, info, warn, error, fatal, silent." }),
    );
  });
});

const shown = (write: (log: Log) => void, env: NodeJS.ProcessEnv = { NO_COLOR: "1" }) => logged(write, { env, terminal: true }).join("");

const warn = (log: Log) => log.warn("careful");

describe("on a terminal", () => {
  const time = String.raw`\d\d:\d\d:\d\d\.\d{3}`;

  test("an entry is a line", () => {
    expect(shown((log) => log.info({ service: "trading-engine", rows: 5, note: "a b" }, "applied"))).toMatch(
      new RegExp(`^${time} INFO  applied  service=trading-engine rows=5 note="a b"\n$`),
    );
  });

  test("an error is a line, with its cure and causes", () => {
    const error = new OfftakeError("USAGE", "It failed.", {
      cure: "Try this.",
      cause: Object.assign(new Error("refused"), { code: "ECONNREFUSED" }),
    });
    expect(shown((log) => log.error(error))).toMatch(new RegExp(`^${time} ERROR USAGE: It failed\\. Try this\\. <- ECONNREFUSED: refused\n$`));
    expect(shown((log) => log.error({ err: error, service: "api" }, "Stopped."))).toMatch(
      new RegExp(`^${time} ERROR Stopped\\.  service=api  USAGE: It failed\\.`),
    );
  });

  test("a fault of Offtake shows where it happened", () => {
    const error = new OfftakeError("INTERNAL", "x is undefined", { cause: new TypeError("x is undefined") });
    expect(shown((log) => log.error(error))).toMatch(
      new RegExp(`^${time} ERROR INTERNAL: x is undefined\nTypeError: x is undefined\n    at .*log\\.test\\.ts`),
    );
  });

  test("colours are for the level, and NO_COLOR is honoured", () => {
    expect(shown(warn, {})).toContain("\u001b[33mWARN \u001b[0m careful");
    expect(shown(warn, { NO_COLOR: "" })).toContain("\u001b[33m");
    expect(shown(warn, { NO_COLOR: "1" })).not.toContain("\u001b");
  });

  test("control characters of a value reach no terminal", () => {
    const hostile = "a\u001b[2J\r\n\u0007\u009b31m\u202e\u2028z";
    const line = shown((log) => log.error({ key: hostile, err: new OfftakeError("USAGE", hostile) }, hostile));
    expect(line).not.toMatch(/[^\n\P{C}]|\u2028/u);
    expect(line.trimEnd().split("\n")).toHaveLength(1);
    expect(line).toContain("a\\u001b[2J\\u000d\\n\\u0007\\u009b31m\\u202e\\u2028z");
  });
});
