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
import { parseMessage } from "../../schemas/offtake-message.ts";
import { asOfftakeError, OfftakeError } from "../../services/runtime/errors.ts";
import { awaitedHead, judgeAwaited, tooLarge } from "./awaited-message.ts";
import type { Change, EventEncoder } from "./event-encoder.ts";
import { Junction } from "./junction.ts";
import type { Lsn } from "./lsn.ts";
import { encodeMessage, encodeProcessed, messagePrefix } from "./message-encoder.ts";
import { Op } from "./op.ts";
import type { Outbox } from "./outbox.ts";
import { Kind, Old, PgoutputDecoder, type Relation } from "./pgoutput.ts";
import type { RelationCompiler } from "./relation-compiler.ts";
import { Backend, copyData, keepaliveLength, xlogDataHeader } from "./replication-messages.ts";
import type { ReplicationStream } from "./replication-stream.ts";
import type { Tail } from "./start-checks.ts";
import { StreamTables, type StreamTablesOptions } from "./stream-tables.ts";
import { keyDigest } from "./tail.ts";
import { type SourceNames, Transaction } from "./transaction.ts";

/** Bytes of the longest heartbeat; ours has fifty. */
const longestHeartbeat = 1024;

export interface CaptureOptions extends StreamTablesOptions {
  readonly topic: string;
  readonly names: SourceNames;
  readonly tail: Tail;
  readonly maxEventBytes: number;
  readonly messageSchemaId: number;
  /** Told of a table that was truncated, whoever's it is, and in which transaction. */
  readonly truncated: (oid: number, xid: number) => void;
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
    this.#previous = this.#junction.tail?.previous;
    stream.onBytes = () => this.#drain();
  }

  /** Whether reading is held back: by Kafka, or by the registry. */
  get paused(): boolean {
    return this.#outbox.full || this.#compiling;
  }

  /** What may be confirmed to the slot: nothing new before the stream is known to be the topic's. */
  get confirmable(): Lsn {
    return this.#junction.joined ? this.#outbox.confirmable : this.#confirmed;
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
      while (frames.next()) {
        const { bytes, start, end, kind } = frames;
        if (kind !== copyData) this.#stream.other(kind, bytes, start, end);
        else if (bytes[start] === Backend.xlogData) this.#xlogData(bytes, start, end);
        else if (bytes[start] === Backend.keepalive && end - start === keepaliveLength) this.#keepalive(bytes, start);
        else throw new OfftakeError("PGOUTPUT_MALFORMED", "The replication stream holds a message that is neither XLogData nor a keepalive.");
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
        for (const oid of decoder.truncated) this.#truncate(oid);
        break;
      case Kind.message:
        this.#message();
        break;
    }
  }

  #keepalive(bytes: Buffer, start: number): void {
    const end = bytes.readBigInt64BE(start + 1);
    // What was received, and nothing else: that a keepalive came does not say that anything is in Kafka.
    if (!this.#outbox.inTransaction && end > this.received) this.received = end;
    if (bytes[start + 17] === 1) this.#stream.status(this.received, this.confirmable, false);
  }

  #begin(): void {
    const { commitLsn, commitTime, xid } = this.#decoder;
    this.#junction.begin(commitLsn);
    this.#transaction.begin(commitLsn, commitTime, xid, this.#previous);
    this.#outbox.begin();
  }

  #commit(): void {
    const { commitLsn, endLsn } = this.#decoder;
    const transaction = this.#transaction;
    this.#junction.commit(transaction);
    const links = this.#outbox.commit(commitLsn, transaction.commitMicros);
    // The tail's own, too, when none of its tables is the service's any more.
    if (this.#junction.isTails(transaction) || (links && !transaction.isOlder)) this.#previous = commitLsn;
    this.received = endLsn;
  }

  #relation(relation: Relation): void {
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

  #row(op: number): void {
    const decoder = this.#decoder;
    const { encoder, relation } = this.#tables.table(decoder.relationOid);
    if (op === Op.update && decoder.oldKind !== Old.none) {
      // Debezium's way: the old key goes, the new one comes; the second names the first, so that unchanged columns are moved and not lost.
      if (encoder?.key.changes(decoder, this.#change.bytes) === true) {
        this.#event(encoder, Op.delete, false);
        this.#event(encoder, Op.create, true);
        return;
      }
      // It takes two positions always: whether it moves its row depends on a key, and on an owner, that may be others after a restart.
      this.#leaveOut(relation);
    }
    if (encoder === undefined) this.#leaveOut(relation);
    else this.#event(encoder, op, false);
  }

  #truncate(oid: number): void {
    this.#options.truncated(oid >>> 0, this.#transaction.xid);
    const { encoder, relation } = this.#tables.table(oid);
    if (encoder === undefined) this.#leaveOut(relation);
    else this.#event(encoder, Op.truncate, false);
  }

  /** Counts a change that becomes no event. It may have been one before the service's tables were altered: then it is the tail all the same. */
  #leaveOut(relation: Relation): void {
    this.#transaction.leaveOut();
    if (this.#junction.isTail(this.#transaction)) this.#junction.recognise({ lsn: this.#lsn(), table: `${relation.schema}.${relation.name}` });
  }

  #event(encoder: EventEncoder, op: number, moves: boolean): void {
    const transaction = this.#transaction;
    if (!this.#advance()) {
      encoder.passOver(transaction);
      if (this.#junction.isTail(transaction)) this.#recognise(encoder, op);
      return;
    }
    const { batch } = this.#outbox;
    const before = batch.length;
    const change = this.#change;
    const fromEnd =
      op === Op.truncate ? encoder.truncate(batch, transaction, change) : encoder.row(batch, transaction, this.#decoder, change, op, moves);
    if (batch.length - before > this.#options.maxEventBytes) throw this.#tooLarge(encoder, op, batch.length - before);
    this.#outbox.appended(fromEnd);
  }

  #message(): void {
    const decoder = this.#decoder;
    // One that is not transactional comes outside of any transaction and has no position.
    if (!decoder.transactional || !this.#outbox.inTransaction) return;
    const { bytes, lsnHigh, lsnLow } = this.#change;
    // Whoever can write to the database can emit any message: of ours only heartbeats travel, or a forged marker would pass for a topic's tail.
    const ours = decoder.prefix === messagePrefix;
    // One that is too long for it is none, and anybody's.
    const short = decoder.contentEnd - decoder.contentStart <= longestHeartbeat;
    const kind = ours && short ? parseMessage(bytes.toString("utf8", decoder.contentStart, decoder.contentEnd))?.kind : undefined;
    if (kind !== "heartbeat") {
      if (ours) this.#options.leftOut("a logical message with the prefix offtake that is no heartbeat: no other kind is in this version");
      this.#transaction.leaveOut();
      return;
    }
    if (!this.#advance()) {
      if (this.#junction.isTail(this.#transaction)) this.#junction.recognise({ lsn: this.#lsn(), table: "", op: "m", key: "" });
      return;
    }
    const content = { bytes, start: decoder.contentStart, end: decoder.contentEnd };
    const { messageSchemaId } = this.#options;
    this.#outbox.appended(
      encodeMessage(this.#outbox.batch, messageSchemaId, this.#transaction, this.#processed, { high: lsnHigh, low: lsnLow }, content),
    );
  }

  /** Counts the change, and makes room if it has to be published. @returns false when the topic has it */
  #advance(): boolean {
    const transaction = this.#transaction;
    if (!transaction.advance()) {
      this.#outbox.passOver();
      return false;
    }
    this.#outbox.makeRoom();
    this.lastEventAt = this.lastBytesAt;
    return true;
  }

  #recognise(encoder: EventEncoder, op: number): void {
    const { old, new: row } = this.#decoder;
    const { plan } = encoder;
    const again = { lsn: this.#lsn(), table: `${plan.schema}.${plan.table}` };
    // A key of the catalog may be another one by now, and what moved a row then an update of it now.
    if (plan.keyFromCatalog) return this.#junction.recognise(again);
    const hasKey = op !== Op.truncate && plan.keyId !== undefined;
    const key = hasKey ? encoder.key.bytes(op === Op.delete ? old : row, old, this.#change.bytes) : Buffer.alloc(0);
    this.#junction.recognise({ ...again, op: String.fromCharCode(op), key: keyDigest(key) });
  }

  #lsn(): string {
    return String((BigInt(this.#change.lsnHigh) << 32n) | BigInt(this.#change.lsnLow));
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
    for (let i = 0; i < positions; i += 1) {
      if (relation === undefined) this.#transaction.leaveOut();
      else this.#leaveOut(relation);
    }
    frames.passOverAwaited();
  }

  #tooLarge(encoder: EventEncoder, op: number, length: number): OfftakeError {
    const { schema, table } = encoder.plan;
    const key = encoder.key.describe(op === Op.delete ? this.#decoder.old : this.#decoder.new, this.#change.bytes);
    return tooLarge(`The event of ${schema}.${table} ${key} has ${length} bytes`, this.#options.maxEventBytes, this.#transaction);
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.stop();
    this.#options.failed(asOfftakeError(error));
  }
}
