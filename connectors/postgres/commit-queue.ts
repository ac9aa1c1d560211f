/**
 * Commits that wait until all their records are durable, oldest first. Columns of numbers in a ring: ten thousands of them wait at a time for a monolith of small transactions, and as objects they
 * would outlive the nursery.
 */
import type { Lsn } from "./lsn.ts";

export class CommitQueue {
  /** Of the newest commit that has left. */
  lsn: Lsn;
  /** Its commit time, microseconds since 1970; 0 before the first. */
  micros = 0;

  /** Records up to and with each, counted from the start of the connection. */
  #records = new Float64Array(1024);
  #lsns = new BigUint64Array(1024);
  #times = new Float64Array(1024);
  #first = 0;
  #length = 0;

  /** @param lsn what counts as the newest that has left, before one has */
  constructor(lsn: Lsn) {
    this.lsn = lsn;
  }

  /** Commit time of the oldest that waits. */
  get oldestMicros(): number | undefined {
    return this.#length === 0 ? undefined : this.#times[this.#first];
  }

  add(records: number, lsn: Lsn, micros: number): void {
    if (this.#length === this.#records.length) this.#grow();
    const at = (this.#first + this.#length) % this.#records.length;
    this.#records[at] = records;
    this.#lsns[at] = lsn;
    this.#times[at] = micros;
    this.#length += 1;
  }

  /** Lets go of those whose records are among so many. @returns how many */
  leave(durable: number): number {
    const capacity = this.#records.length;
    let count = 0;
    while (count < this.#length && this.#records[(this.#first + count) % capacity]! <= durable) count += 1;
    if (count === 0) return 0;
    const newest = (this.#first + count - 1) % capacity;
    this.lsn = this.#lsns[newest]!;
    this.micros = this.#times[newest]!;
    this.#first = (newest + 1) % capacity;
    this.#length -= count;
    return count;
  }

  #grow(): void {
    const [records, lsns, times] = [this.#records, this.#lsns, this.#times];
    const capacity = records.length;
    this.#records = new Float64Array(capacity * 2);
    this.#lsns = new BigUint64Array(capacity * 2);
    this.#times = new Float64Array(capacity * 2);
    for (let i = 0; i < capacity; i += 1) {
      const from = (this.#first + i) % capacity;
      this.#records[i] = records[from]!;
      this.#lsns[i] = lsns[from]!;
      this.#times[i] = times[from]!;
    }
    this.#first = 0;
  }
}
