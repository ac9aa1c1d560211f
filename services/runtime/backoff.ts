/**
 * How long to wait before the next try.
 *
 * Without jitter every connector and applier comes back at the same moment after a server restarts and knocks it over again; without a cap one
 * of them sleeps for an hour after the server is back. So: exponential, capped, with full jitter (any wait from nothing to the bound).
 *
 * Pure apart from the random number, which is given.
 *
 * Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export class Backoff {
  readonly #firstMs: number;
  readonly #capMs: number;
  readonly #random: () => number;
  #boundMs: number;

  /**
   * @param firstMs upper bound of the first wait
   * @param capMs upper bound of every wait
   * @param random in [0, 1)
   */
  constructor(firstMs: number, capMs: number, random: () => number = Math.random) {
    this.#firstMs = Math.min(firstMs, capMs);
    this.#capMs = capMs;
    this.#random = random;
    this.#boundMs = this.#firstMs;
  }

  /** Milliseconds to wait now; the bound doubles for the next time. */
  next(): number {
    const wait = Math.floor(this.#random() * this.#boundMs);
    this.#boundMs = Math.min(this.#boundMs * 2, this.#capMs);
    return wait;
  }

  /** It worked: the next wait starts from the first bound again. */
  reset(): void {
    this.#boundMs = this.#firstMs;
  }
}
