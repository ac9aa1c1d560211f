/**
 * Memory for what Kafka answers to a fetch, used again by the fetch after the next: a new buffer for each was 350 MB for a million rows.
 *
 * So what was fetched holds until the fetch after the next is asked for. The reader copies what it keeps into a ChangeLog, and asks for more only when it has
 * read everything.
 */

/** A larger answer is one giant batch, and gets memory of its own. */
const keptBytes = 8 << 20;

export class FetchRoom {
  readonly #rooms: Buffer[] = [Buffer.alloc(0), Buffer.alloc(0)];
  #next = 0;

  /** @returns exactly so many bytes, of any content */
  take(size: number): Buffer {
    if (size > keptBytes) return Buffer.allocUnsafeSlow(size);
    this.#next = 1 - this.#next;
    if (this.#rooms[this.#next]!.length < size) this.#rooms[this.#next] = Buffer.allocUnsafeSlow(Math.ceil(size / 65_536) * 65_536);
    return this.#rooms[this.#next]!.subarray(0, size);
  }
}
