/**
 * The log of a process: JSON lines on stderr, or a line for people where stderr is a terminal.
 *
 * stdout belongs to a command's answer (`--json` promises one object on its last line), so nothing is ever logged there. An error in the log
 * carries what an alert needs (code) and what a person needs (message, cure, what caused it): logged-error.ts.
 */
import { pino, stdTimeFunctions, type DestinationStream, type Level, type Logger } from "pino";
import { OfftakeError } from "./errors.ts";
import { logLine } from "./log-line.ts";
import { loggedError } from "./logged-error.ts";
import { withoutPasswords } from "./secret.ts";

export type Log = Logger;

const levels: readonly string[] = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] satisfies (Level | "silent")[];

export interface LogOptions {
  /** OFFTAKE_LOG_LEVEL (default info) and NO_COLOR. */
  readonly env: NodeJS.ProcessEnv;
  /** Whether people read it: lines for them instead of JSON. */
  readonly terminal: boolean;
  /** Where finished lines go, newline included. */
  readonly write: (line: string) => void;
}

/**
 * Log an error as `log.error(error)` or, with words of one's own, `log.error({ err: error }, "…")`.
 *
 * @throws OfftakeError USAGE when OFFTAKE_LOG_LEVEL is no level
 */
export function createLog({ env, terminal, write }: LogOptions = onStderr()): Log {
  const level = env["OFFTAKE_LOG_LEVEL"] ?? "info";
  if (!levels.includes(level)) throw new OfftakeError("USAGE", `OFFTAKE_LOG_LEVEL is \`${level}\`: expected ${levels.join(", ")}.`);
  const colour = (env["NO_COLOR"] ?? "") === "";
  const destination: DestinationStream = { write: (line) => write(terminal ? logLine(line, colour) : line) };
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => loggedError(error) },
      hooks: { streamWrite: withoutPasswords },
    },
    destination,
  );
}

/** Written at once: what a process says last is what explains its end. */
function onStderr(): LogOptions {
  return { env: process.env, terminal: process.stderr.isTTY, write: (line) => process.stderr.write(line) };
}
