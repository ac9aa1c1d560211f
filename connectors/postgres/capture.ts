/**
 * The hot loop: walks the replication stream and puts its changes into the outbox. It decides little: the transaction says what is in the topic
 * already, the encoder what an event looks like, the outbox when it goes and what may be confirmed.
 *
 * What it must not get wrong is the order: nothing is appended before the junction has said that the stream is where the topic ends, and no row before its
 * table's schema is registered.
 *
 * Source: PostgreSQL documentation, "Streaming Replication Protocol", "Logical Replication Message Formats".
 */
import { AvroWriter } from "../../schemas/avro-bytes.ts";
import { asOfftakeError, OfftakeError } from "../../services/runtime/errors.ts";
import { failpoint } from "../../services/runtime/failpoint.ts";
import { awaitedHead, judgeAwaited, tooLarge } from "./awaited-message.ts";
import type { Change } from "./event-encoder.ts";
import { Junction } from "./junction.ts";
import type { Lsn } from "./lsn.ts";
import { encodeProcessed } from "./message-encoder.ts";
import { Op } from "./op.ts";
import type { Outbox } from "./outbox.ts";
import { Kind, PgoutputDecoder, type Relation } from "./pgoutput.ts";
import type { Pieces } from "./pieces.ts";
import type { RelationCompiler } from "./relation-compiler.ts";
import { Backend, copyData, keepaliveLength, xlogDataHeader } from "./replication-messages.ts";
import type { ReplicationStream } from "./replication-stream.ts";
import type { Tail } from "./start-checks.ts";
import { StreamChanges, type StreamChangesOptions } from "./stream-changes.ts";
import { StreamTables, type StreamTablesOptions } from "./stream-tables.ts";
import type { TableWatch } from "./table-watch.ts";
import { TableWatches } from "./table-watches.ts";
import { type SourceNames, Transaction } from "./transaction.ts";

export interface CaptureOptions extends StreamTablesOptions, Omit<StreamChangesOptions, "watches"> {
  readonly topic: string;
  readonly names: SourceNames;
  readonly tail: Tail;
  /** What is written between transactions. */
  readonly pieces: Pieces;
  /** Called once; nothing is read after it. */
  readonly failed: (error: OfftakeError) => void;
}

export class Capture {
  /** Milliseconds since 1970 of the newest bytes of the stream, and of the newest event of it that was published. */
  lastBytesAt = Date.now();
  lastEventAt = Date.now();
  /** All WAL before it was received. */
  received: Lsn;

  readonly #stream: ReplicationStream;
  readonly #outbox: Outbox;
  readonly #compiler: RelationCompiler;
  readonly #options: CaptureOptions;
  readonly #junction: Junction;
  readonly #transaction: Transaction;
  readonly #decoder = new PgoutputDecoder();
  readonly #tables: StreamTables;
  readonly #changes: StreamChanges;
  readonly #watches = new TableWatches();
  readonly #processed = new AvroWriter(32);
  readonly #change: Change = { bytes: Buffer.alloc(0), lsnHigh: 0, lsnLow: 0, processed: this.#processed };
  /** The newest transaction in the topic. */
  #previous: Lsn | undefined;
  #compiling = false;
  #ended = false;
  /** Confirmed before this connection. */
  readonly #confirmed: Lsn;

  constructor(stream: ReplicationStream, outbox: Outbox, compiler: RelationCompiler, options: CaptureOptions) {
    this.#stream = stream;
    this.#outbox = outbox;
    this.#compiler = compiler;
    this.#options = options;
    this.received = outbox.confirmable;
    this.#confirmed = outbox.confirmable;
    this.#tables = new StreamTables(compiler, options);
    this.#junction = new Junction(options.tail, options.topic);
    this.#transaction = new Transaction(options.names, this.#junction.tail);
    this.#previous = this.#junction.previous;
    const watches = this.#watches;
    this.#changes = new StreamChanges(this.#decoder, this.#change, this.#transaction, this.#junction, this.#tables, outbox, { ...options, watches });
    options.pieces.reached = () => (this.#junction.joined && !outbox.inTransaction && !this.#ended ? this.received : undefined);
    stream.onBytes = () => this.#drain();
  }

  /** Whether reading is held back: by Kafka, or by the registry. */
  get paused(): boolean {
    return this.#outbox.full || this.#compiling;
  }

  /** Commit time of the transaction that waits for its table to be looked up, microseconds since 1970; undefined while none does. */
  get heldMicros(): number | undefined {
    return this.#compiling ? this.#transaction.commitMicros : undefined;
  }

  /** What may be confirmed to the slot: nothing new before the stream is known to be the topic's. */
  get confirmable(): Lsn {
    return this.#junction.joined ? this.#outbox.confirmable : this.#confirmed;
  }

  /** Whether the stream is known to be the topic's, and so a table of it can be copied. */
  get joined(): boolean {
    return this.#junction.joined;
  }

  /** From now on, what the stream does to this table is told to what is returned, until unwatch(). */
  watch(oid: number): TableWatch {
    return this.#watches.add(oid, this.#outbox.inTransaction ? this.#transaction.xid : undefined);
  }

  unwatch(oid: number, watch: TableWatch): void {
    this.#watches.remove(oid, watch);
  }

  /** Reads on after a pause, and what came while the topic was taken over. */
  resume(): void {
    if (this.#ended || this.#compiling) return;
    this.#drain();
    if (!this.paused && !this.#ended) this.#stream.resume();
  }

  /** Reads nothing more. */
  stop(): void {
    this.#ended = true;
    this.#stream.pause();
  }

  #drain(): void {
    if (this.#compiling || this.#ended) return;
    try {
      const { frames } = this.#stream;
      this.lastBytesAt = Date.now();
      encodeProcessed(this.#processed, this.lastBytesAt);
      this.#changes.published = false;
      while (frames.next()) {
        const { bytes, start, end, kind } = frames;
        if (kind !== copyData) this.#stream.other(kind, bytes, start, end);
        else if (bytes[start] === Backend.xlogData) this.#xlogData(bytes, start, end);
        else if (bytes[start] === Backend.keepalive && end - start === keepaliveLength) this.#keepalive(bytes, start);
        else throw new OfftakeError("PGOUTPUT_MALFORMED", "The replication stream holds a message that is neither XLogData nor a keepalive.");
        if (this.#changes.published) this.lastEventAt = this.lastBytesAt;
        if (this.#compiling) return;
      }
      this.#checkAwaited();
      this.#outbox.idle();
      if (this.#outbox.full) this.#stream.pause();
    } catch (error) {
      this.#fail(error);
    }
  }

  #xlogData(bytes: Buffer, start: number, end: number): void {
    if (end - start < xlogDataHeader + 1)
      throw new OfftakeError("PGOUTPUT_MALFORMED", "The replication stream holds an XLogData message without content.");
    const change = this.#change;
    change.bytes = bytes;
    change.lsnHigh = bytes.readUInt32BE(start + 1);
    change.lsnLow = bytes.readUInt32BE(start + 5);
    const decoder = this.#decoder;
    const changes = this.#changes;
    switch (decoder.decode(bytes, start + xlogDataHeader, end)) {
      case Kind.insert:
        this.#row(Op.create);
        break;
      case Kind.update:
        this.#row(Op.update);
        break;
      case Kind.delete:
        this.#row(Op.delete);
        break;
      case Kind.begin:
        this.#begin();
        break;
      case Kind.commit:
        this.#commit();
        break;
      case Kind.relation:
        this.#relation(decoder.relation);
        break;
      case Kind.type:
        this.#compiler.learn(decoder.type);
        break;
      case Kind.truncate:
        for (const oid of decoder.truncated) changes.truncate(oid);
        break;
      case Kind.message:
        changes.message();
        break;
    }
  }

  #row(op: number): void {
    failpoint?.("before-change", () => this.#stream.cut());
    this.#changes.row(op);
    failpoint?.("after-change", () => this.#stream.cut());
  }

  #keepalive(bytes: Buffer, start: number): void {
    failpoint?.("before-keepalive", () => this.#stream.cut());
    const end = bytes.readBigInt64BE(start + 1);
    // What was received, and nothing else: that a keepalive came does not say that anything is in Kafka.
    if (!this.#outbox.inTransaction && end > this.received) this.received = end;
    this.#options.pieces.offer();
    if (bytes[start + 17] === 1) this.#stream.status(this.received, this.confirmable, false);
    failpoint?.("after-keepalive", () => this.#stream.cut());
  }

  #begin(): void {
    failpoint?.("before-begin", () => this.#stream.cut());
    const { commitLsn, commitTime, xid } = this.#decoder;
    this.#junction.begin(commitLsn);
    this.#transaction.begin(commitLsn, commitTime, xid, this.#previous);
    this.#outbox.begin();
    failpoint?.("after-begin", () => this.#stream.cut());
  }

  #commit(): void {
    failpoint?.("before-commit", () => this.#stream.cut());
    const { commitLsn, endLsn } = this.#decoder;
    const { pieces } = this.#options;
    const transaction = this.#transaction;
    const junction = this.#junction;
    junction.commit(transaction);
    const links = this.#outbox.commit(commitLsn, transaction.commitMicros);
    this.received = endLsn;
    // The tail's own, too, when none of its tables is the service's any more.
    if (junction.isTails(transaction) || (links && !transaction.isOlder)) {
      const sequence = junction.sequenceBehind(transaction);
      pieces.behind({ commitLsn, commitTime: transaction.commitTime, xid: transaction.xid, previous: this.#previous, sequence });
      this.#previous = commitLsn;
    }
    pieces.offer();
    failpoint?.("after-commit", () => this.#stream.cut());
  }

  #relation(relation: Relation): void {
    for (const watch of this.#watches.of(relation.oid)) watch.described(relation);
    if (!this.#tables.describe(relation)) return;
    // The registry is asked, and the next message may be a row of this table: everything waits, of this service only.
    this.#compiling = true;
    this.#stream.pause();
    // A schema that is refused would otherwise hold back what came in the same read, at every start again.
    this.#outbox.beforeWait();
    void this.#compile(relation);
  }

  async #compile(relation: Relation): Promise<void> {
    try {
      await this.#tables.compile(relation, this.#transaction.xid);
      this.#compiling = false;
      this.resume();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What is being collected must be judged before it fills the memory. */
  #checkAwaited(): void {
    const { frames } = this.#stream;
    const { maxEventBytes } = this.#options;
    // The text of a row can be longer than its event: bytea comes in hexadecimal.
    if (frames.awaited <= maxEventBytes * 2 + 65_536 || frames.buffered < awaitedHead) return;
    const { bytes, awaitedStart: at } = frames;
    this.#change.lsnHigh = bytes.readUInt32BE(at + 1);
    this.#change.lsnLow = bytes.readUInt32BE(at + 5);
    const { what, belongs, relation, positions } = judgeAwaited(bytes, at + xlogDataHeader, this.#tables, this.#outbox.inTransaction);
    if (belongs) throw tooLarge(`The source sends a ${what} with ${frames.awaited} bytes`, maxEventBytes, this.#transaction);
    this.#changes.passOver(relation, positions);
    frames.passOverAwaited();
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.stop();
    this.#options.failed(asOfftakeError(error));
  }
}
