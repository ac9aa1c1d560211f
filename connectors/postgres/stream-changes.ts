/**
 * What becomes of the changes of the transaction that the stream is in: each takes its positions, and is an event in the outbox, or is in the topic already, or is
 * left out. A change that took another number of positions than it did before a restart would move all behind it.
 *
 * Source: ARCHITECTURE.md, "Position".
 */
import type { AvroWriter } from "../../schemas/avro-bytes.ts";
import { parseMessage } from "../../schemas/offtake-message.ts";
import { tooLarge } from "./awaited-message.ts";
import type { Change, EventEncoder, RowChange } from "./event-encoder.ts";
import type { Junction } from "./junction.ts";
import { encodeMessage, messagePrefix } from "./message-encoder.ts";
import { Op } from "./op.ts";
import type { Outbox } from "./outbox.ts";
import { Old, type PgoutputDecoder, type Relation } from "./pgoutput.ts";
import type { StreamTables } from "./stream-tables.ts";
import type { TableWatch } from "./table-watch.ts";
import type { TableWatches } from "./table-watches.ts";
import { keyDigest } from "./tail.ts";
import type { Transaction } from "./transaction.ts";

/** Bytes of the longest heartbeat; ours has fifty. */
const longestHeartbeat = 1024;

export interface StreamChangesOptions {
  readonly maxEventBytes: number;
  readonly messageSchemaId: number;
  /** Something in the stream is not published. */
  readonly leftOut: (what: string) => void;
  /** Told of a table that was truncated, whoever's it is, and in which transaction. */
  readonly truncated: (oid: number, xid: number) => void;
  /** Of tables that are being copied. */
  readonly watches: TableWatches;
}

export class StreamChanges {
  /** Whether one of the changes since it was set to false is on the way to the topic. */
  published = false;
  readonly #decoder: PgoutputDecoder;
  readonly #change: Change;
  readonly #transaction: Transaction;
  readonly #junction: Junction;
  readonly #tables: StreamTables;
  readonly #outbox: Outbox;
  readonly #processed: AvroWriter;
  readonly #options: StreamChangesOptions;

  /** @param decoder with change: where the message that was read last is */
  constructor(
    decoder: PgoutputDecoder,
    change: Change,
    transaction: Transaction,
    junction: Junction,
    tables: StreamTables,
    outbox: Outbox,
    options: StreamChangesOptions,
  ) {
    this.#decoder = decoder;
    this.#change = change;
    this.#transaction = transaction;
    this.#junction = junction;
    this.#tables = tables;
    this.#outbox = outbox;
    this.#processed = change.processed;
    this.#options = options;
  }

  /** @param op Op.create, update or delete */
  row(op: number): void {
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
      this.leaveOut(relation);
    }
    if (encoder === undefined) this.leaveOut(relation);
    else this.#event(encoder, op, false);
  }

  truncate(oid: number): void {
    this.#options.truncated(oid >>> 0, this.#transaction.xid);
    for (const watch of this.#options.watches.of(oid >>> 0)) watch.emptied(this.#transaction.xid);
    const { encoder, relation } = this.#tables.table(oid);
    if (encoder === undefined) this.leaveOut(relation);
    else this.#event(encoder, Op.truncate, false);
  }

  message(): void {
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

  /** Counts a change that becomes no event. It may have been one before the service's tables were altered: then it is the tail all the same. */
  leaveOut(relation: Relation): void {
    this.#transaction.leaveOut();
    if (this.#junction.isTail(this.#transaction)) this.#junction.recognise({ lsn: this.#lsn(), table: `${relation.schema}.${relation.name}` });
  }

  /** Counts a message that was not read. @param relation undefined for what is no row */
  passOver(relation: Relation | undefined, positions: number): void {
    for (let i = 0; i < positions; i += 1) {
      if (relation === undefined) this.#transaction.leaveOut();
      else this.leaveOut(relation);
    }
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
    const decoder = this.#decoder;
    const { maxEventBytes, watches } = this.#options;
    const fromEnd = op === Op.truncate ? encoder.truncate(batch, transaction, change) : encoder.row(batch, transaction, decoder, change, op, moves);
    if (batch.length - before > maxEventBytes)
      throw tooLarge(describeEvent(encoder, decoder, op, change.bytes, batch.length - before), maxEventBytes, transaction);
    this.#outbox.appended(fromEnd);
    if (watches.size > 0 && op !== Op.truncate) this.#tell(watches.of(decoder.relationOid >>> 0), encoder, op, moves);
  }

  #tell(watches: readonly TableWatch[], encoder: EventEncoder, op: number, moves: boolean): void {
    if (watches.length === 0) return;
    const decoder = this.#decoder;
    const key = encoder.key.text(op === Op.delete ? decoder.old : decoder.new, decoder.old, this.#change.bytes);
    const partial = op !== Op.delete && encoder.isPartial(decoder);
    const from = moves ? encoder.key.text(decoder.old, decoder.old, this.#change.bytes) : undefined;
    for (const watch of watches) watch.changed(this.#transaction.xid, key, partial, from);
  }

  /** Counts the change, and makes room if it has to be published. @returns false when the topic has it */
  #advance(): boolean {
    const transaction = this.#transaction;
    if (!transaction.advance()) {
      this.#outbox.passOver();
      return false;
    }
    this.#outbox.makeRoom();
    this.published = true;
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
}

/** As the error names an event that is too large. @param length its bytes */
export function describeEvent(encoder: EventEncoder, row: RowChange, op: number, bytes: Buffer, length: number): string {
  const { schema, table } = encoder.plan;
  return `The event of ${schema}.${table} ${encoder.key.describe(op === Op.delete ? row.old : row.new, bytes)} has ${length} bytes`;
}
