/**
 * Where the source transactions of a batch end, in the log and in the topic: as columns, since most of a batch may be transactions of one row, and only of
 * the last one all of it is asked for.
 */
import type { EventReader } from "../../schemas/event-reader.ts";

export interface TransactionEnd {
  /** Changes up to and with it. */
  readonly changes: number;
  readonly commitLsn: bigint;
  /** Of its last event. */
  readonly sequence: number;
  readonly xid: number;
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** The next record of the topic. */
  readonly offset: number;
  /** When it was committed at the source, microseconds since 1970. */
  readonly micros: number;
  /** Whether it was a heartbeat. */
  readonly heartbeat: boolean;
}

/** Commit LSN and system identifier in two words each, and whether it is a heartbeat. */
const wordsOfEach = 5;

/** Sequence, xid, timeline, offset, microseconds. */
const numbersOfEach = 5;

export class TransactionEnds {
  length = 0;
  #changes = new Int32Array(64);
  #words = new Uint32Array(64 * wordsOfEach);
  /** Exact up to 2^53. */
  #numbers = new Float64Array(64 * numbersOfEach);

  /** @param changes up to and with the event that the reader stands on, at this offset */
  add(changes: number, event: EventReader, offset: number, heartbeat: boolean): void {
    if (this.length === this.#changes.length) this.#grow();
    const i = this.length;
    this.#changes[i] = changes;
    const words = i * wordsOfEach;
    this.#words[words] = event.commitHigh;
    this.#words[words + 1] = event.commitLow;
    this.#words[words + 2] = event.bytes.readUInt32BE(event.identifierStart);
    this.#words[words + 3] = event.bytes.readUInt32BE(event.identifierStart + 4);
    this.#words[words + 4] = heartbeat ? 1 : 0;
    const numbers = i * numbersOfEach;
    this.#numbers[numbers] = event.sequence;
    this.#numbers[numbers + 1] = event.xid;
    this.#numbers[numbers + 2] = event.timeline;
    this.#numbers[numbers + 3] = offset + 1;
    this.#numbers[numbers + 4] = event.commitMicros;
    this.length = i + 1;
  }

  /** @throws RangeError for one that is not there */
  at(i: number): TransactionEnd {
    if (!(i >= 0 && i < this.length)) throw new RangeError(`the batch ends ${this.length} transactions, and not ${i + 1}`);
    const words = i * wordsOfEach;
    const numbers = i * numbersOfEach;
    return {
      changes: this.#changes[i]!,
      commitLsn: joined(this.#words[words]!, this.#words[words + 1]!),
      sequence: this.#numbers[numbers]!,
      xid: this.#numbers[numbers + 1]!,
      systemIdentifier: String(joined(this.#words[words + 2]!, this.#words[words + 3]!)),
      timeline: this.#numbers[numbers + 2]!,
      offset: this.#numbers[numbers + 3]!,
      micros: this.#numbers[numbers + 4]!,
      heartbeat: this.#words[words + 4] === 1,
    };
  }

  /** Changes up to and with the newest; 0 where there is none. */
  get changes(): number {
    return this.length === 0 ? 0 : this.#changes[this.length - 1]!;
  }

  /** The newest. @throws RangeError where there is none */
  get last(): TransactionEnd {
    return this.at(this.length - 1);
  }

  /** @returns the commit LSN of the transaction that a change belongs to, to be asked for changes in their order */
  commitLsns(): (change: number) => bigint {
    let i = 0;
    return (change) => {
      while (this.#changes[i]! <= change) i += 1;
      return joined(this.#words[i * wordsOfEach]!, this.#words[i * wordsOfEach + 1]!);
    };
  }

  /** When each of the heartbeats was committed, microseconds since 1970. */
  get heartbeats(): number[] {
    const micros: number[] = [];
    for (let i = 0; i < this.length; i += 1) if (this.#words[i * wordsOfEach + 4] === 1) micros.push(this.#numbers[i * numbersOfEach + 4]!);
    return micros;
  }

  /** Empties it, to be filled again: what has grown stays. */
  clear(): void {
    this.length = 0;
  }

  #grow(): void {
    const capacity = this.#changes.length * 2;
    const changes = new Int32Array(capacity);
    const words = new Uint32Array(capacity * wordsOfEach);
    const numbers = new Float64Array(capacity * numbersOfEach);
    changes.set(this.#changes);
    words.set(this.#words);
    numbers.set(this.#numbers);
    this.#changes = changes;
    this.#words = words;
    this.#numbers = numbers;
  }
}

function joined(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
