/**
 * The hot loop: walks the replication stream and puts its changes into the outbox. It decides little: the transaction says what is in the topic
 * already, the encoder what an event looks like, the outbox when it goes and what may be confirmed.
 *
 * What it must not get wrong is where the stream joins the topic: the transaction of the topic's tail comes first, with the same event at the same
 * position, or nothing may be published.
 *
 * Source: PostgreSQL documentation, "Streaming Replication Protocol", "Logical Replication Message Formats".
 */
import { AvroWriter } from "../../schemas/avro-bytes.ts";
import { parseMessage } from "../../schemas/offtake-message.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { type Change, type EventEncoder, Op } from "./event-encoder.ts";
import { formatLsn, type Lsn } from "./lsn.ts";
import { encodeMessage, encodeProcessed, messagePrefix } from "./message-encoder.ts";
import type { Outbox } from "./outbox.ts";
import { Kind, PgoutputDecoder, type Relation } from "./pgoutput.ts";
import { type RelationCompiler, sameRelation } from "./relation-compiler.ts";
import { Backend, keepaliveLength, xlogDataHeader } from "./replication-messages.ts";
import type { ReplicationStream } from "./replication-stream.ts";
import { checkTailEvent, type Tail, type TailEvent, tailDiffers } from "./start-checks.ts";
import { keyDigest } from "./tail.ts";
import { type SourceNames, Transaction } from "./transaction.ts";

const copyData = 0x64;

export interface CaptureOptions {
  readonly topic: string;
  readonly names: SourceNames;
  readonly tail: Tail;
  readonly maxEventBytes: number;
  readonly messageSchemaId: number;
  /** Whether the service owns this table of the source. */
  readonly owns: (schema: string, table: string) => boolean;
  /** Something in the stream is not published: said once per table or kind of message. */
  readonly leftOut: (what: string) => void;
  /** Called once; nothing is read after it. */
  readonly failed: (error: OfftakeError) => void;
}

interface Known {
  readonly relation: Relation;
  /** Undefined for a table that is not the service's. */
  readonly encoder: EventEncoder | undefined;
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
  readonly #transaction: Transaction;
  readonly #decoder = new PgoutputDecoder();
  readonly #relations = new Map<number, Known>();
  readonly #processed = new AvroWriter(32);
  readonly #change: Change = { bytes: Buffer.alloc(0), lsnHigh: 0, lsnLow: 0, processed: this.#processed };
  /** The newest transaction in the topic. */
  #previous: Lsn | undefined;
  #joined: boolean;
  #compiling = false;
  #ended = false;

  constructor(stream: ReplicationStream, outbox: Outbox, compiler: RelationCompiler, options: CaptureOptions) {
    this.#stream = stream;
    this.#outbox = outbox;
    this.#compiler = compiler;
    this.#options = options;
    this.received = outbox.confirmable;
    const { tail } = options;
    // Sequence 0 is the place where a new slot was created: no event has it.
    this.#joined = tail.sequence === 0;
    this.#transaction = new Transaction(options.names, this.#joined ? undefined : tail);
    this.#previous = this.#joined ? undefined : tail.previous;
    stream.onBytes = () => this.#drain();
  }

  /** Whether reading is held back: by Kafka, or by the registry. */
  get paused(): boolean {
    return this.#outbox.full || this.#compiling;
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
      this.#checkAwaited(frames.awaited);
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
    if (bytes[start + 17] === 1) this.#stream.status(this.received, this.#outbox.confirmable, false);
  }

  #begin(): void {
    const { commitLsn, commitTime, xid } = this.#decoder;
    const { tail, topic } = this.#options;
    if (!this.#joined) {
      if (commitLsn > tail.commitLsn) throw tailDiffers(tail, topic, `the slot goes on at ${formatLsn(commitLsn)} without that transaction`);
      this.#joined = commitLsn === tail.commitLsn;
    }
    this.#transaction.begin(commitLsn, commitTime, xid, this.#previous);
    this.#outbox.begin();
  }

  #commit(): void {
    const { commitLsn, endLsn } = this.#decoder;
    const transaction = this.#transaction;
    const { tail, topic } = this.#options;
    // What the topic has of its tail's transaction must be there again; where it ends with `last`, there must be no more of it (see #advance).
    if (commitLsn === tail.commitLsn && (tail.last ? transaction.lastEvent < tail.sequence : transaction.lastEvent <= tail.sequence))
      throw tailDiffers(tail, topic, `the same transaction now ends with its change ${transaction.lastEvent}`);
    const links = this.#outbox.commit(commitLsn, transaction.commitMicros);
    if (links && !transaction.isPublished) this.#previous = commitLsn;
    this.received = endLsn;
  }

  #relation(relation: Relation): void {
    const known = this.#relations.get(relation.oid);
    if (known !== undefined && sameRelation(known.relation, relation)) return;
    const { owns, leftOut } = this.#options;
    if (!owns(relation.schema, relation.name)) {
      leftOut(`the table ${relation.schema}.${relation.name}, which is in the publication and not among the service's tables`);
      this.#relations.set(relation.oid, { relation, encoder: undefined });
      return;
    }
    // The registry is asked, and the next message may be a row of this table: everything waits, of this service only.
    this.#compiling = true;
    this.#stream.pause();
    void this.#compile(relation);
  }

  async #compile(relation: Relation): Promise<void> {
    try {
      this.#relations.set(relation.oid, { relation, encoder: await this.#compiler.compile(relation) });
      this.#compiling = false;
      this.resume();
    } catch (error) {
      this.#fail(error);
    }
  }

  #encoder(oid: number): EventEncoder | undefined {
    const known = this.#relations.get(oid >>> 0);
    if (known === undefined)
      throw new OfftakeError("PGOUTPUT_MALFORMED", `The replication stream holds a row of the relation ${oid >>> 0}, which it has not described.`);
    return known.encoder;
  }

  #row(op: number): void {
    const decoder = this.#decoder;
    const encoder = this.#encoder(decoder.relationOid);
    if (encoder === undefined) this.#transaction.leaveOut();
    else if (op === Op.update && encoder.changesKey(decoder, this.#change.bytes)) {
      // Debezium's way: the old key goes, the new one comes; the second names the first, so that unchanged columns are moved and not lost.
      this.#event(encoder, Op.delete, false);
      this.#event(encoder, Op.create, true);
    } else this.#event(encoder, op, false);
  }

  #truncate(oid: number): void {
    const encoder = this.#encoder(oid);
    if (encoder === undefined) this.#transaction.leaveOut();
    else this.#event(encoder, Op.truncate, false);
  }

  #event(encoder: EventEncoder, op: number, moves: boolean): void {
    const transaction = this.#transaction;
    if (!this.#advance()) {
      encoder.passOver(transaction);
      if (transaction.isTail) this.#recognise(encoder, op);
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
    const kind = ours ? parseMessage(bytes.toString("utf8", decoder.contentStart, decoder.contentEnd))?.kind : undefined;
    if (kind !== "heartbeat") {
      if (ours) this.#options.leftOut("a logical message with the prefix offtake that is no heartbeat: no other kind is in this version");
      this.#transaction.leaveOut();
      return;
    }
    if (!this.#advance()) {
      if (this.#transaction.isTail) checkTailEvent(this.#options.tail, { lsn: this.#lsn(), table: "", op: "m", key: "" }, this.#options.topic);
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
    const { tail, topic } = this.#options;
    if (!transaction.advance()) {
      this.#outbox.passOver();
      return false;
    }
    if (tail.last && tail.sequence > 0 && transaction.commitLsn === tail.commitLsn)
      throw tailDiffers(tail, topic, "the same transaction now goes on behind what was its last change");
    this.#outbox.makeRoom();
    this.lastEventAt = this.lastBytesAt;
    return true;
  }

  #recognise(encoder: EventEncoder, op: number): void {
    const { old, new: row } = this.#decoder;
    const hasKey = op !== Op.truncate && encoder.plan.keyId !== undefined;
    const key = hasKey ? encoder.keyBytes(op === Op.delete ? old : row, old, this.#change.bytes) : Buffer.alloc(0);
    const again: TailEvent = {
      lsn: this.#lsn(),
      table: `${encoder.plan.schema}.${encoder.plan.table}`,
      op: String.fromCharCode(op),
      key: keyDigest(key),
    };
    checkTailEvent(this.#options.tail, again, this.#options.topic);
  }

  #lsn(): string {
    return String((BigInt(this.#change.lsnHigh) << 32n) | BigInt(this.#change.lsnLow));
  }

  /** A row that is being collected must be refused before it fills the memory. */
  #checkAwaited(length: number): void {
    // The text of a row can be longer than its event: bytea comes in hexadecimal.
    if (length <= this.#options.maxEventBytes * 2 + 65_536) return;
    throw tooLarge(`The source sends a row of ${length} bytes`, this.#options.maxEventBytes, this.#transaction);
  }

  #tooLarge(encoder: EventEncoder, op: number, length: number): OfftakeError {
    const { schema, table } = encoder.plan;
    const key = encoder.describeKey(op === Op.delete ? this.#decoder.old : this.#decoder.new, this.#change.bytes);
    return tooLarge(`The event of ${schema}.${table} ${key} has ${length} bytes`, this.#options.maxEventBytes, this.#transaction);
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.stop();
    const ended = (): OfftakeError => new OfftakeError("SOURCE_UNREACHABLE", `The replication stream ended: ${String(error)}.`, { cause: error });
    this.#options.failed(error instanceof OfftakeError ? error : ended());
  }
}

function tooLarge(what: string, maxEventBytes: number, { commitLsn, sequence }: Transaction): OfftakeError {
  return new OfftakeError("EVENT_TOO_LARGE", `${what}; kafka.maxEvent is ${maxEventBytes}. Position ${formatLsn(commitLsn)}:${sequence}.`, {
    cure: "Raise kafka.maxEvent and run `offtake up`, or take the column out of the publication.",
  });
}
