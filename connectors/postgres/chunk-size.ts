/**
 * How many rows the next chunk has. A chunk holds a snapshot of the monolith for as long as it is read, and its rows in memory for as long as they wait: so it
 * takes about half a second, and a few megabytes.
 *
 * Pure.
 */

/** Milliseconds that a chunk is to take. */
const wantedMs = 500;

/** Bytes that a chunk is to have. */
const wantedBytes = 4 << 20;

/** Bytes at which a chunk ends, whatever it was to have: rows that are wider than those before. */
export const mostBytes = 2 * wantedBytes;

const fewest = 1;
const most = 100_000;

/** Times as many as before: what was fast once may have been in memory by chance. */
const growth = 4;

export class ChunkSize {
  /** Rows. */
  rows = 1000;
  readonly #wantedBytes: number;

  /** @param bytes that a chunk is to have, where that is less than usual */
  constructor(bytes = Infinity) {
    this.#wantedBytes = Math.min(wantedBytes, bytes);
  }

  /** A chunk was read. */
  took(rows: number, bytes: number, ms: number): void {
    if (rows === 0) return;
    const byTime = (rows * wantedMs) / Math.max(ms, 1);
    const byBytes = (rows * this.#wantedBytes) / Math.max(bytes, 1);
    this.rows = clamp(Math.min(byTime, byBytes, this.rows * growth));
  }

  /** A chunk took too long, or had to be taken again. */
  halve(): void {
    this.rows = clamp(this.rows / 2);
  }
}

function clamp(rows: number): number {
  return Math.max(fewest, Math.min(most, Math.floor(rows)));
}
