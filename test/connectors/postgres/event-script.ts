/** Puts scripted changes through decoder and encoder, as the connector does with those of a replication stream. */
import { AvroWriter } from "../../../schemas/avro-bytes.ts";
import { avroColumnType } from "../../../schemas/postgres-types.ts";
import type { RecordBatchWriter } from "../../../connectors/kafka/record-batch.ts";
import { EventEncoder } from "../../../connectors/postgres/event-encoder.ts";
import { encodeMessage, encodeProcessed } from "../../../connectors/postgres/message-encoder.ts";
import { Op } from "../../../connectors/postgres/op.ts";
import { PgoutputDecoder } from "../../../connectors/postgres/pgoutput.ts";
import { postgresEpochMicros } from "../../../connectors/postgres/replication-messages.ts";
import { Transaction } from "../../../connectors/postgres/transaction.ts";
import { pgoutput } from "../../support/pgoutput-messages.ts";
import type { ModelSource, ModelTransaction, RowChange, TableShape } from "./event-model.ts";

/** A change of a table, a message, or a change that becomes no event. */
export type ScriptedChange =
  { readonly table: number; readonly change: RowChange; readonly lsn: bigint } | { readonly content: string; readonly lsn: bigint } | "left out";

export class EventScript {
  static readonly processedMs = 1_800_000_000_123;
  static readonly messageSchemaId = 77;

  /** What events are appended to. */
  batch: RecordBatchWriter;

  readonly #encoders: readonly EventEncoder[];
  readonly #decoder = new PgoutputDecoder();
  readonly #processed = encodeProcessed(new AvroWriter(32), EventScript.processedMs);

  readonly #transaction: Transaction;

  constructor({ version, name, database, systemIdentifier, timeline }: ModelSource, shapes: readonly TableShape[], batch: RecordBatchWriter) {
    this.batch = batch;
    const identity = { systemIdentifier: String(systemIdentifier), timeline, database };
    this.#transaction = new Transaction({ version, name, identity }, undefined);
    this.#encoders = shapes.map(({ schema, table, columns, keyId, valueId }) => {
      const typed = columns.map((column) => ({ name: column.name, key: column.key, type: avroColumnType(column.oid, undefined) }));
      return new EventEncoder({
        schema,
        table,
        columns: typed,
        keyId: columns.some(({ key }) => key) ? keyId : undefined,
        valueId,
        keyFromCatalog: false,
      });
    });
  }

  /** The last event of it gets its `last`, as at a commit. */
  run(of: ModelTransaction, changes: readonly ScriptedChange[]): void {
    const transaction = this.#transaction;
    transaction.begin(of.commitLsn, of.commitMicros - postgresEpochMicros, of.xid, of.previous);
    let last = -1;
    for (const change of changes)
      if (change === "left out") transaction.leaveOut();
      else if ("content" in change) last = this.#message(change);
      else last = this.#row(change);
    if (last !== -1) this.batch.writer.bytes[last] = 1;
  }

  #message({ content, lsn }: { content: string; lsn: bigint }): number {
    const bytes = Buffer.from(`before${content}after`);
    const place = { bytes, start: 6, end: bytes.length - 5 };
    this.#transaction.advance();
    const fromEnd = encodeMessage(this.batch, EventScript.messageSchemaId, this.#transaction, this.#processed, words(lsn), place);
    return this.batch.length - fromEnd;
  }

  #row({ table, change, lsn }: { table: number; change: RowChange; lsn: bigint }): number {
    const encoder = this.#encoders[table]!;
    const { high, low } = words(lsn);
    const bytes = change.kind === "truncate" ? Buffer.alloc(0) : pgoutput({ ...change, oid: 1 });
    const place = { bytes, lsnHigh: high, lsnLow: low, processed: this.#processed };
    const decoder = this.#decoder;
    if (change.kind !== "truncate") decoder.decode(bytes, 0, bytes.length);
    const ops = change.kind === "insert" ? [Op.create] : change.kind === "delete" ? [Op.delete] : [Op.update];
    const moves = change.kind === "update" && encoder.key.changes(decoder, bytes);
    let fromEnd = 0;
    for (const op of moves ? [Op.delete, Op.create] : ops) {
      this.#transaction.advance();
      fromEnd =
        change.kind === "truncate"
          ? encoder.truncate(this.batch, this.#transaction, place)
          : encoder.row(this.batch, this.#transaction, decoder, place, op, moves && op === Op.create);
    }
    return this.batch.length - fromEnd;
  }
}

function words(lsn: bigint): { high: number; low: number } {
  return { high: Number(lsn >> 32n), low: Number(lsn & 0xffff_ffffn) };
}
