/**
 * What events must look like, told slowly: objects, one after the other, that avsc turns into bytes. The encoder is held against it byte by byte.
 *
 * It follows the rules of ARCHITECTURE.md, "Events", and shares nothing with the encoder but the schemas.
 */
import type avro from "avsc";
import { avroName } from "../../../schemas/avro-names.ts";
import { envelopeSchema, keySchema, messageSchema } from "../../../schemas/envelope.ts";
import { avroColumnType } from "../../../schemas/postgres-types.ts";
import { exactAvroType } from "../../support/exact-avro.ts";
import { type Cell, type OldRow, type Row, unchanged } from "../../support/pgoutput-messages.ts";

export interface TableShape {
  readonly topicPrefix: string;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly oid: number; readonly key: boolean }[];
  readonly keyId: number;
  readonly valueId: number;
}

export type RowChange =
  | { readonly kind: "insert"; readonly row: Row }
  | { readonly kind: "update"; readonly old?: OldRow; readonly row: Row }
  | { readonly kind: "delete"; readonly old: OldRow }
  | { readonly kind: "truncate" };

/** What all events of a connector have in common. */
export interface ModelSource {
  readonly version: string;
  readonly name: string;
  readonly database: string;
  readonly systemIdentifier: bigint;
  readonly timeline: number;
}

/** What all events of a transaction have in common. */
export interface ModelTransaction extends ModelSource {
  readonly commitLsn: bigint;
  /** Since 1970. */
  readonly commitMicros: bigint;
  readonly xid: number;
  readonly previous: bigint | undefined;
}

/** Where an event stands, and when it was made. */
export interface Place {
  readonly lsn: bigint;
  readonly processedMs: number;
  readonly sequence: number;
  readonly totalOrder: number;
  readonly tableOrder: number;
  readonly last: boolean;
}

type AvroRecord = Readonly<Record<string, unknown>>;

/** One event of a change, without its place. */
interface ModelEvent {
  readonly op: "c" | "u" | "d" | "t";
  readonly before: AvroRecord | null;
  readonly after: AvroRecord | null;
  readonly key: AvroRecord | null;
  readonly unchanged: readonly string[] | null;
  readonly oldKey: AvroRecord | null;
}

/** A table with what avsc makes of its schemas, which takes a while. */
export class ModelTable {
  readonly shape: TableShape;
  readonly envelope: avro.Type;
  readonly key: avro.Type;

  constructor(shape: TableShape) {
    this.shape = shape;
    const columns = shape.columns.map(({ name, key, oid }) => ({ name, key, type: avroColumnType(oid, undefined) }));
    this.envelope = exactAvroType(envelopeSchema(shape, columns));
    this.key = exactAvroType(keySchema(shape, columns));
  }

  get hasKey(): boolean {
    return this.shape.columns.some(({ key }) => key);
  }

  /** A change of key becomes a delete and a create, every other change one event. */
  eventsOf(change: RowChange): ModelEvent[] {
    const nothing = { before: null, after: null, key: null, unchanged: null, oldKey: null };
    switch (change.kind) {
      case "insert":
        return [{ ...nothing, op: "c", after: this.#rowOf(change.row), key: this.#keyOf(change.row) }];
      case "delete":
        return [{ ...nothing, op: "d", before: this.#rowOf(change.old.row), key: this.#keyOf(change.old.row) }];
      case "truncate":
        return [{ ...nothing, op: "t" }];
      case "update": {
        const { old, row } = change;
        const whole = row.map((cell, i) => this.#completed(cell, i, old));
        const missing = this.shape.columns.filter((_, i) => whole[i] === unchanged).map(({ name }) => avroName(name));
        const after = { ...nothing, after: this.#rowOf(whole), key: this.#keyOf(whole), unchanged: missing.length === 0 ? null : missing };
        if (old === undefined || !this.#moves(old.row, whole))
          return [{ ...after, op: "u", before: old?.which === "O" ? this.#rowOf(old.row) : null }];
        return [
          { ...nothing, op: "d", before: this.#rowOf(old.row), key: this.#keyOf(old.row) },
          { ...after, op: "c", oldKey: this.#keyOf(old.row) },
        ];
      }
    }
  }

  /** The bytes of the record's key, as they stand on the topic; null for none. */
  keyBytes({ key }: ModelEvent): Buffer | null {
    return key === null ? null : wire(this.shape.keyId, this.key.toBuffer(key));
  }

  valueBytes(event: ModelEvent, transaction: ModelTransaction, place: Place): Buffer {
    return wire(this.shape.valueId, this.envelope.toBuffer(this.#value(event, transaction, place)));
  }

  #value({ op, before, after, unchanged: missing, oldKey }: ModelEvent, transaction: ModelTransaction, place: Place): AvroRecord {
    const { schema, table } = this.shape;
    return {
      before,
      after,
      source: { ...sourceOf(transaction, place), sequence: `["${transaction.commitLsn}","${place.lsn}"]`, schema, table },
      transaction: {
        id: `${transaction.xid}:${transaction.commitLsn}`,
        total_order: BigInt(place.totalOrder),
        data_collection_order: BigInt(place.tableOrder),
      },
      op,
      ...processed(place),
      offtake: { ...positionOf(transaction, place), unchanged: missing, ...(this.hasKey ? { old_key: oldKey } : {}) },
    };
  }

  /** What the WAL left out of the new row and has in the old one. A null there says nothing: what is left out of a row is long, and not null. */
  #completed(cell: Cell, i: number, old: OldRow | undefined): Cell {
    return cell === unchanged ? (old?.row[i] ?? cell) : cell;
  }

  #moves(old: Row, row: Row): boolean {
    return this.shape.columns.some(({ key }, i) => key && old[i] !== row[i]);
  }

  #rowOf(row: Row): AvroRecord {
    return Object.fromEntries(this.shape.columns.map(({ name, oid }, i) => [avroName(name), valueOf(row[i]!, oid)]));
  }

  #keyOf(row: Row): AvroRecord | null {
    if (!this.hasKey) return null;
    return Object.fromEntries(this.shape.columns.flatMap(({ name, oid, key }, i) => (key ? [[avroName(name), valueOf(row[i]!, oid)]] : [])));
  }
}

/** The value of a message, such as a heartbeat. */
export function messageBytes(topicPrefix: string, schemaId: number, content: Buffer, transaction: ModelTransaction, place: Place): Buffer {
  const source = { ...sourceOf(transaction, place), sequence: null, schema: "", table: "" };
  const message = { prefix: "offtake", content };
  const value = { op: "m", source, ...processed(place), message, offtake: positionOf(transaction, place) };
  return wire(schemaId, exactAvroType(messageSchema(topicPrefix)).toBuffer(value));
}

function sourceOf(transaction: ModelTransaction, place: Place): AvroRecord {
  return {
    version: transaction.version,
    connector: "postgresql",
    name: transaction.name,
    ts_ms: transaction.commitMicros / 1000n,
    snapshot: "false",
    db: transaction.database,
    ts_us: transaction.commitMicros,
    ts_ns: null,
    txId: BigInt(transaction.xid),
    lsn: place.lsn,
    xmin: null,
    origin: null,
    origin_lsn: null,
  };
}

function processed({ processedMs }: Place): AvroRecord {
  return { ts_ms: BigInt(processedMs), ts_us: BigInt(processedMs) * 1000n, ts_ns: null };
}

function positionOf(transaction: ModelTransaction, place: Place): AvroRecord {
  const identifier = Buffer.alloc(8);
  identifier.writeBigUInt64BE(transaction.systemIdentifier);
  return {
    commit_lsn: transaction.commitLsn,
    sequence: BigInt(place.sequence),
    prev_commit_lsn: transaction.previous ?? null,
    system_identifier: identifier,
    timeline: transaction.timeline,
    last: place.last,
  };
}

/** PostgreSQL's text of a value as what Avro calls it. */
function valueOf(cell: Cell, oid: number): unknown {
  if (cell === null || cell === unchanged) return null;
  switch (avroColumnType(oid, undefined).form) {
    case "boolean":
      return cell === "t";
    case "int":
    case "float":
    case "double":
      return Number(cell);
    case "long":
      return BigInt(cell);
    case "bytes":
      return Buffer.from(cell.slice(2), "hex");
    case "string":
      return cell;
  }
}

/** Confluent's wire format. */
function wire(id: number, bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(id, 1);
  return Buffer.concat([head, bytes]);
}
