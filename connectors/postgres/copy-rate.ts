/**
 * Keeps copying below a configured number of rows and of bytes a second, whichever tables they are of. The monolith comes first: without it a copy takes what it
 * can get.
 *
 * Pure apart from the clock, which is given.
 */
export class CopyRate {
  readonly #rowsPerSecond: number;
  readonly #bytesPerSecond: number;
  readonly #now: () => number;
  /** Milliseconds at which all rows so far are paid for. */
  #free = 0;

  /**
   * @param rowsPerSecond Infinity for no limit
   * @param bytesPerSecond of rows as the source prints them; Infinity for no limit
   * @param now milliseconds on a clock that only goes forward
   */
  constructor(rowsPerSecond: number, bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#rowsPerSecond = rowsPerSecond;
    this.#bytesPerSecond = bytesPerSecond;
    this.#now = now;
  }

  /** Rows that one chunk may have, so that it does not take the rows of many seconds at once. */
  get mostRows(): number {
    return Math.max(1, Math.floor(this.#rowsPerSecond));
  }

  /** The same in bytes. */
  get mostBytes(): number {
    return this.#bytesPerSecond;
  }

  /** Milliseconds to wait before the next rows are read. */
  get wait(): number {
    return Math.max(0, this.#free - this.#now());
  }

  took(rows: number, bytes: number): void {
    this.#free = Math.max(this.#free, this.#now()) + Math.max(rows / this.#rowsPerSecond, bytes / this.#bytesPerSecond) * 1000;
  }
}
