/**
 * Finds the row of a batch by its key, without a string or an object for the key: an open-addressing hash table over the bytes in which the keys
 * came. Two keys are the same when their bytes are: the monolith writes one key in one way.
 */
import type { ChangeLog } from "./change-log.ts";

export class KeyIndex {
  readonly #log: ChangeLog;
  /** Index of each key column in the row, in the key's order. */
  readonly #keys: readonly number[];
  /** Row number plus one, 0 for a free place. */
  #places: Int32Array;
  /** The change that each row's key is read from, and the key's hash. */
  readonly #changes: number[] = [];
  readonly #hashes: number[] = [];

  constructor(log: ChangeLog, keys: readonly number[], expected: number) {
    this.#log = log;
    this.#keys = keys;
    let capacity = 64;
    while (capacity < expected * 2) capacity *= 2;
    this.#places = new Int32Array(capacity);
  }

  get size(): number {
    return this.#changes.length;
  }

  /**
   * The row number of the key of this change: a new one, counted from 0, for a key that has not been seen.
   */
  rowOf(change: number): number {
    const hash = this.#hash(change);
    const mask = this.#places.length - 1;
    let place = hash & mask;
    for (;;) {
      const row = this.#places[place]! - 1;
      if (row === -1) break;
      if (this.#hashes[row] === hash && this.#equal(this.#changes[row]!, change)) return row;
      place = (place + 1) & mask;
    }
    const row = this.#changes.push(change) - 1;
    this.#hashes.push(hash);
    this.#places[place] = row + 1;
    if (this.#changes.length * 2 > this.#places.length) this.#rehash();
    return row;
  }

  /** FNV-1a over the key's bytes, with a separator between columns. */
  #hash(change: number): number {
    const log = this.#log;
    const at = log.row[change]!;
    const bytes = log.buffers[log.buffer[change]!]!;
    let hash = 0x811c9dc5;
    for (const key of this.#keys) {
      const end = log.end[at + key]!;
      for (let i = log.start[at + key]!; i < end; i += 1) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
      hash = Math.imul(hash ^ 0xff, 0x01000193);
    }
    // The low bits choose the place: fold the high ones into them.
    return hash ^ (hash >>> 15);
  }

  #equal(change: number, other: number): boolean {
    const log = this.#log;
    const bytes = log.buffers[log.buffer[change]!]!;
    const otherBytes = log.buffers[log.buffer[other]!]!;
    const at = log.row[change]!;
    const otherAt = log.row[other]!;
    for (const key of this.#keys) {
      const length = log.end[at + key]! - log.start[at + key]!;
      if (log.end[otherAt + key]! - log.start[otherAt + key]! !== length) return false;
      const start = log.start[at + key]!;
      const otherStart = log.start[otherAt + key]!;
      for (let i = 0; i < length; i += 1) if (bytes[start + i] !== otherBytes[otherStart + i]) return false;
    }
    return true;
  }

  #rehash(): void {
    const places = new Int32Array(this.#places.length * 2);
    const mask = places.length - 1;
    for (let row = 0; row < this.#hashes.length; row += 1) {
      let place = this.#hashes[row]! & mask;
      while (places[place] !== 0) place = (place + 1) & mask;
      places[place] = row + 1;
    }
    this.#places = places;
  }
}
