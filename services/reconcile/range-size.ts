/**
 * How many rows a range has. Each is one snapshot at either side, and what differs in it is read again row by row: so it has about ten thousand rows, and fewer where a read of
 * that many takes longer than half a second. The first ones are small: nobody knows yet how wide the rows are.
 *
 * Pure.
 */

/** Milliseconds that the read of a range is to take at most. */
const wantedMs = 500;

const fewest = 100;
const first = 1000;
const most = 10_000;

export class RangeSize {
  readonly most = most;
  rows = first;

  /** A range was read. @param ms by both, its end and its rows */
  took(ms: number): void {
    this.rows = Math.max(fewest, Math.min(most, ms > wantedMs ? Math.floor(this.rows / 2) : this.rows * 2));
  }
}
