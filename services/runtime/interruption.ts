/**
 * Whether a unit that is running is held up by a server that does not answer, and for how long already.
 *
 * Connectors and appliers keep what they have in hand while Kafka is away, and go on where they were: that is not an error that ends them. But it was
 * nobody's knowledge either: /readyz said ready for as long as the broker was dead.
 *
 * Pure apart from the clock, which is given.
 */
import type { Complaints } from "./complaints.ts";
import type { OfftakeError } from "./errors.ts";
import type { Log } from "./log.ts";

/** Milliseconds that are nobody's business: a leader moves, a broker restarts. */
const patienceMs = 5000;

export class Interruption {
  readonly #log: Log;
  readonly #complaints: Complaints;
  readonly #now: () => number;
  #since: number | undefined;
  #line = "";

  /** @param now milliseconds */
  constructor(log: Log, complaints: Complaints, now: () => number = Date.now) {
    this.#log = log;
    this.#complaints = complaints;
    this.#now = now;
  }

  /**
   * A server did not answer; it is asked again.
   *
   * @param words what that means for the unit, for the log
   */
  tell(error: OfftakeError, words: string): void {
    this.#since ??= this.#now();
    this.#line = error.line;
    this.#complaints.say(error, words);
  }

  /** It answered: something has been done. Costs nothing where nothing was wrong. */
  over(): void {
    if (this.#since === undefined) return;
    const lasted = this.#now() - this.#since;
    this.#since = undefined;
    if (lasted >= patienceMs) this.#log.info({ seconds: Math.round(lasted / 1000) }, "it goes on: what did not answer does again");
  }

  /** Why the unit cannot work; undefined while it can, or may be able to in a moment. */
  get reason(): string | undefined {
    if (this.#since === undefined) return undefined;
    const lasts = this.#now() - this.#since;
    return lasts < patienceMs ? undefined : `for ${Math.round(lasts / 1000)} s: ${this.#line}`;
  }
}
