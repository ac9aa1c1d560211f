/**
 * Events on their way to Kafka: the batch that is being filled, and what is confirmable once Kafka has it.
 *
 * The newest event of a transaction stays in the open batch until the next one, or the commit, shows whether it is the last: a batch that has gone
 * cannot be changed. So a batch goes when it is full and another event begins, or between transactions; then at once if nothing is on the way, else
 * when that has arrived. At low rates an event waits for nobody; at high rates batches fill by themselves.
 *
 * Source: ARCHITECTURE.md, "Events", `last`.
 */
import type { Compression } from "../kafka/compression.ts";
import type { Producer } from "../kafka/producer.ts";
import { fullBatchBytes, RecordBatchWriter } from "../kafka/record-batch.ts";
import { Acker } from "./acker.ts";
import { CommitQueue } from "./commit-queue.ts";
import type { Lsn } from "./lsn.ts";

/** More than this on the way to Kafka, and the source has to wait until half of it has arrived. */
const maxPendingBytes = 8 << 20;

export class Outbox {
  /** Events and transactions that are durable. */
  events = 0;
  transactions = 0;
  batch: RecordBatchWriter;

  readonly #producer: Producer;
  readonly #compression: Compression;
  readonly #released: () => void;
  readonly #acker: Acker;
  /** Commits whose events are not all durable. */
  readonly #commits: CommitQueue;
  /** On the way, oldest first; and those that have arrived, to be filled again: a new megabyte for each would keep the collector busy. */
  readonly #sent: RecordBatchWriter[] = [];
  readonly #free: RecordBatchWriter[] = [];
  /** Who waits for so many events to be durable. */
  readonly #awaited: { events: number; resolve: () => void }[] = [];
  #appended = 0;
  #ofTransaction = 0;
  /** Where the newest event has its `last`, in the open batch; -1 when it is not there. */
  #lastFlag = -1;
  #open = false;
  #full = false;

  /**
   * @param confirmed the slot's confirmed_flush_lsn
   * @param released told when `full` has ended
   */
  constructor(producer: Producer, compression: Compression, confirmed: Lsn, released: () => void) {
    this.#producer = producer;
    this.#compression = compression;
    this.#released = released;
    this.#acker = new Acker(confirmed);
    this.#commits = new CommitQueue(confirmed);
    this.batch = this.#newBatch();
    producer.events = { ...producer.events, durable: (records) => this.#durable(records) };
  }

  /** Commit time of the newest transaction that is durable with all its events, microseconds since 1970; 0 before the first. */
  get durableMicros(): number {
    return this.#commits.micros;
  }

  /** Its commit LSN. */
  get durableLsn(): Lsn {
    return this.#commits.lsn;
  }

  /** What may be confirmed to the slot. */
  get confirmable(): Lsn {
    return this.#acker.confirmable;
  }

  /** Whether the source has to wait. */
  get full(): boolean {
    return this.#full;
  }

  /** Whether a transaction's events are being appended. */
  get inTransaction(): boolean {
    return this.#open;
  }

  /** Commit time of the oldest transaction that is not durable yet, microseconds since 1970. */
  get oldestPendingMicros(): number | undefined {
    return this.#commits.oldestMicros;
  }

  begin(): void {
    this.#open = true;
    this.#ofTransaction = 0;
    this.#lastFlag = -1;
  }

  /** An event that the topic has already: counted, so that its commit becomes confirmable. */
  passOver(): void {
    this.#count();
    this.#durableRecords(1);
  }

  /** Before an event is appended to `batch`: what stands there is not the last of its transaction, so a full batch may go. */
  makeRoom(): void {
    if (this.batch.length >= fullBatchBytes) this.#send();
  }

  /** @param fromEnd how far before the end of the batch the byte of the event's `last` lies */
  appended(fromEnd: number): void {
    this.#count();
    this.#lastFlag = this.batch.length - fromEnd;
  }

  /** @returns whether the transaction has events in the topic, or on the way to it */
  commit(lsn: Lsn, micros: number): boolean {
    const links = this.#ofTransaction > 0;
    if (links) this.#commits.add(this.#appended, lsn, micros);
    this.#end(lsn);
    return links;
  }

  /** What was appended since begin() was no transaction, but rows that were read beside the stream. @param lsn of the transaction before */
  endPiece(lsn: Lsn): void {
    this.#end(lsn);
  }

  #end(lsn: Lsn): void {
    if (this.#lastFlag !== -1) this.batch.writer.bytes[this.#lastFlag] = 1;
    this.#lastFlag = -1;
    this.#open = false;
    this.#acker.commit(lsn);
    this.#settle();
    if (this.batch.length >= fullBatchBytes) this.#send();
  }

  /** Resolves when what was appended so far is durable; never when the producer has ended before. */
  async allDurable(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#awaited.push({ events: this.#appended, resolve });
    this.#settle();
    await promise;
  }

  /** The source has nothing more to give at the moment. */
  idle(): void {
    if (!this.#open && this.#producer.pending === 0) this.#send();
  }

  /** Sends whole transactions whatever is on the way; the events of an open one stay. */
  flush(): void {
    if (!this.#open) this.#send();
  }

  /** Before the stream waits for something that may never come: what was committed before the open transaction does not wait with it. */
  beforeWait(): void {
    if (!this.#open || this.#ofTransaction === 0) this.#send();
  }

  #count(): void {
    this.#appended += 1;
    this.#ofTransaction += 1;
    this.#acker.appended(1);
  }

  #send(): void {
    if (this.batch.count === 0) return;
    this.#sent.push(this.batch);
    this.#producer.send(this.batch);
    this.batch = this.#free.pop() ?? this.#newBatch();
    this.#lastFlag = -1;
    this.#full ||= this.#producer.pendingBytes > maxPendingBytes;
  }

  #durable(records: number): void {
    const arrived = this.#sent.shift();
    // One that has grown for a giant row is not kept.
    if (arrived !== undefined && arrived.writer.bytes.length <= 2 * fullBatchBytes) {
      arrived.reset();
      this.#free.push(arrived);
    }
    this.#durableRecords(records);
    this.idle();
    if (this.#full && this.#producer.pendingBytes < maxPendingBytes / 2) {
      this.#full = false;
      this.#released();
    }
  }

  #durableRecords(records: number): void {
    this.events += records;
    this.#acker.durable(records);
    this.#settle();
  }

  #settle(): void {
    while (this.#awaited.length > 0 && this.#awaited[0]!.events <= this.events) this.#awaited.shift()!.resolve();
    this.transactions += this.#commits.leave(this.events);
  }

  #newBatch(): RecordBatchWriter {
    return new RecordBatchWriter(this.#compression, fullBatchBytes + (fullBatchBytes >> 2));
  }
}
