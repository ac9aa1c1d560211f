/**
 * A connector or an applier that a test runs in its own process, without the supervisor: what it ends with is seen, not retried.
 */
import { Complaints } from "../../services/runtime/complaints.ts";
import { Interruption } from "../../services/runtime/interruption.ts";
import { createLog, type Log } from "../../services/runtime/log.ts";
import { createMetrics } from "../../services/runtime/metrics.ts";
import { asOfftakeError, type OfftakeError } from "../../services/runtime/errors.ts";

/** `await using` stops it at the end of the block, whatever it has ended with. */
export interface RunningUnit extends AsyncDisposable {
  /** Resolves when it does its work; rejects with what it ended with before. */
  readonly working: Promise<void>;
  /** What it ended with: undefined when it ended by itself or was stopped, and had nothing to complain about. Never rejects. */
  readonly ended: Promise<OfftakeError | undefined>;
  /** Its log so far, a parsed line each. */
  readonly log: readonly LogLine[];
  /** What it has told of servers that it waits for. */
  readonly interruption: Interruption;
  /** Lets it finish what it has in hand. @throws what it ended with */
  stop(): Promise<void>;
}

export interface LogLine {
  readonly level: string;
  readonly msg?: string;
  readonly err?: { readonly code?: string; readonly message: string };
  readonly [key: string]: unknown;
}

interface UnitParts {
  readonly log: Log;
  readonly working: () => void;
  readonly interruption: Interruption;
  readonly signal: AbortSignal;
}

/** @param run as runConnector and runApplier: `working` is called when it begins to do its work */
export function startUnit(run: (parts: UnitParts) => Promise<void>): RunningUnit {
  const stopping = new AbortController();
  const { promise: working, resolve, reject } = Promise.withResolvers<void>();
  // A test that waits only for `ended` does not listen to it.
  working.catch(() => undefined);
  const lines: LogLine[] = [];
  const write = (text: string): void => {
    const line: LogLine = JSON.parse(text);
    lines.push(line);
  };
  const log = createLog({ env: { OFFTAKE_LOG_LEVEL: "debug" }, terminal: false, write });
  const interruption = new Interruption(log, new Complaints(log, createMetrics("test")));
  const ended = run({ log, working: resolve, interruption, signal: stopping.signal }).then(
    () => {
      reject(new Error("it ended before it did its work"));
      return undefined;
    },
    (thrown: unknown) => {
      const error = asOfftakeError(thrown);
      reject(error);
      return error;
    },
  );
  const stop = async (): Promise<void> => {
    stopping.abort();
    const error = await ended;
    if (error !== undefined) throw error;
  };
  return {
    working,
    ended,
    log: lines,
    interruption,
    stop,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}
