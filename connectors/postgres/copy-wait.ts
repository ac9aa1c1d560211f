/**
 * What a copy waits for, said once when it has taken a while, and again when it is over: whoever looks at a copy that stands still has to find out why.
 *
 * Pure.
 */

/** Milliseconds after which it is said. */
const patienceMs = 1000;

export class CopyWait {
  /** @param what undefined when it goes on */
  readonly #say: (what: string | undefined) => Promise<void>;
  #waited = 0;
  #said = false;

  constructor(say: (what: string | undefined) => Promise<void>) {
    this.#say = say;
  }

  /** @param ms that it is about to wait for */
  async waits(ms: number, what: string): Promise<void> {
    this.#waited += ms;
    if (this.#said || this.#waited < patienceMs) return;
    this.#said = true;
    await this.#say(what);
  }

  async over(): Promise<void> {
    this.#waited = 0;
    if (!this.#said) return;
    this.#said = false;
    await this.#say(undefined);
  }
}
