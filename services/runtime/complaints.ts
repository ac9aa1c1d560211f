/**
 * What one unit has to complain of, in the log: the same once a minute. A broker that is away for an hour is asked again every two seconds, and a
 * log with two thousand lines of that hides the one line that says something else.
 *
 * Pure apart from the clock, which is given.
 */
import type { OfftakeError } from "./errors.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** Milliseconds. */
const repeatMs = 60_000;

export class Complaints {
  readonly #log: Log;
  readonly #metrics: Pick<Metrics, "errorsTotal">;
  readonly #now: () => number;
  /** When a line was said last. */
  readonly #said = new Map<string, number>();

  /**
   * @param log of the unit
   * @param now milliseconds
   */
  constructor(log: Log, metrics: Pick<Metrics, "errorsTotal">, now: () => number = Date.now) {
    this.#log = log;
    this.#metrics = metrics;
    this.#now = now;
  }

  /**
   * Counts the error, and logs it unless the same was logged less than a minute ago: as a warning where trying again may help, else as an error.
   *
   * @param words the entry's own, before those of the error
   */
  say(error: OfftakeError, words?: string): void {
    this.#metrics.errorsTotal.inc({ code: error.code });
    const now = this.#now();
    if (now - (this.#said.get(error.line) ?? Number.NEGATIVE_INFINITY) < repeatMs) return;
    // Messages that name an offset or a time are new each time: those of before are let go.
    for (const [line, at] of this.#said) if (now - at >= repeatMs) this.#said.delete(line);
    this.#said.set(error.line, now);
    this.#log[error.retry === "yes" ? "warn" : "error"]({ err: error }, words ?? error.message);
  }

  /** What comes next is news again. */
  forget(): void {
    this.#said.clear();
  }
}
