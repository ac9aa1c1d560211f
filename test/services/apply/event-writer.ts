/**
 * Change events as somebody else would write them: avsc encodes objects under the published schemas. So the apply side is tested against a writer
 * that shares no code with the connector's but the schemas themselves.
 */
import avro from "avsc";
import { builtInTypes } from "../../../schemas/built-in-types.ts";
import { avroName } from "../../../schemas/avro-names.ts";
import { columnTypes } from "../../../schemas/column-types.ts";
import { type AvroSchema, envelopeSchema, type EnvelopeColumn, messageSchema } from "../../../schemas/envelope.ts";
import { type EventPlan, eventPlan, noPlan } from "../../../schemas/event-plan.ts";
import { EventReader } from "../../../schemas/event-reader.ts";
import type { CopiedMessage, TakeOverMarker } from "../../../schemas/offtake-message.ts";
import { avroColumnType } from "../../../schemas/postgres-types.ts";
import { Batch } from "../../../services/apply/batch.ts";
import { ChangeLog } from "../../../services/apply/change-log.ts";
import type { Schemas } from "../../../services/apply/record-decoder.ts";
import type { ShapeHistory } from "../../../services/apply/table-history.ts";
import { exactAvroType } from "../../support/exact-avro.ts";

/** By PostgreSQL's column names. Native forms are what Avro takes (a long is a bigint); everything else is PostgreSQL's text. */
export type Row = Readonly<Record<string, unknown>>;

/** An event without its position. */
export interface TableEvent {
  readonly table: WrittenTable | undefined;
  readonly op: string;
  readonly before?: Row;
  readonly after?: Row;
  readonly unchanged?: readonly string[];
  readonly oldKey?: Row;
  /** Whether it is of no transaction though its op is a change's. */
  readonly beside?: boolean;
  /** Of a message. */
  readonly content?: string;
  /** Of the message that ends a table's copy. */
  readonly copied?: CopiedMessage;
}

/** As the registry's client gives it. */
function readerType(schema: AvroSchema): avro.Type {
  // A copy: avsc writes into what it is given.
  const copy: avro.Schema = JSON.parse(JSON.stringify(schema));
  return avro.Type.forSchema(copy);
}

let schemas = 0;

const oids = new Map(Object.entries(builtInTypes).map(([oid, name]) => [name, Number(oid)]));

export interface WrittenTableOptions {
  readonly prefix?: string;
  readonly schema?: string;
  /** Of the value's schema; a number of its own where it is left out. */
  readonly schemaId?: number;
}

const envelopes = new WeakMap<EventPlan, AvroSchema>();
const types = new Map<number, avro.Type>();

/** The registry of the tables that are written here. */
export const writtenSchemas: Schemas = {
  schema: async (id) => {
    const type = types.get(id);
    if (type === undefined) throw new Error(`no table was written with the schema ${id}`);
    return type;
  },
};

/** What the registry would say of the tables that are written here. */
export const writtenShapes: ShapeHistory = {
  of: async (plan) => {
    const now = columnTypes(envelopes.get(plan));
    return now && { now, earlier: [] };
  },
};

export class WrittenTable {
  readonly envelope: AvroSchema;
  readonly plan: EventPlan;
  readonly type: avro.Type;
  readonly schema: string;
  readonly name: string;
  schemaId: number;
  readonly #columns: readonly EnvelopeColumn[];

  /** @param columns name and PostgreSQL's name of the type; a `*` behind it makes it a part of the key */
  constructor(name: string, columns: Readonly<Record<string, string>>, options: WrittenTableOptions = {}) {
    schemas += 1;
    this.schema = options.schema ?? "public";
    this.name = name;
    this.schemaId = options.schemaId ?? schemas;
    this.#columns = Object.entries(columns).map(([column, type]): EnvelopeColumn => {
      const typeName = type.replace(/\*$/, "");
      const oid = oids.get(typeName);
      return { name: column, key: type.endsWith("*"), type: oid === undefined ? avroColumnType(0, typeName) : avroColumnType(oid, undefined) };
    });
    this.envelope = envelopeSchema({ topicPrefix: options.prefix ?? "test", schema: this.schema, table: name }, this.#columns);
    this.type = exactAvroType(this.envelope);
    const type = readerType(this.envelope);
    types.set(this.schemaId, type);
    this.plan = eventPlan(this.schemaId, type);
    envelopes.set(this.plan, this.envelope);
  }

  get keys(): string[] {
    return this.#columns.filter(({ key }) => key).map(({ name }) => name);
  }

  create(after: Row): TableEvent {
    return { table: this, op: "c", after };
  }

  /** @param unchanged columns whose value was not in the WAL */
  update(after: Row, unchanged: readonly string[] = []): TableEvent {
    return { table: this, op: "u", after, unchanged };
  }

  /** Under REPLICA IDENTITY FULL. */
  updateFull(before: Row, after: Row): TableEvent {
    return { table: this, op: "u", before, after };
  }

  delete(before: Row): TableEvent {
    return { table: this, op: "d", before };
  }

  /** Both halves of a change of key. */
  move(oldKey: Row, after: Row, unchanged: readonly string[] = []): TableEvent[] {
    return [
      { table: this, op: "d", before: oldKey },
      { table: this, op: "c", after, unchanged, oldKey },
    ];
  }

  /** A row as a copy of the table finds it. */
  read(after: Row): TableEvent {
    return { table: this, op: "r", after };
  }

  /** A key that a repair finds without a row. */
  absent(before: Row): TableEvent {
    return { table: this, op: "d", before, beside: true };
  }

  truncate(): TableEvent {
    return { table: this, op: "t" };
  }

  /** The row as a record: absent columns are null, or, for columns of the key, an empty value. */
  record(row: Row | undefined): Record<string, unknown> | null {
    if (row === undefined) return null;
    return Object.fromEntries(this.#columns.map(({ name }) => [avroName(name), row[name] ?? null]));
  }

  oldKey(row: Row | undefined): Record<string, unknown> | null {
    if (row === undefined) return null;
    return Object.fromEntries(this.#columns.filter(({ key }) => key).map(({ name }) => [avroName(name), row[name]]));
  }
}

export function heartbeat(): TableEvent {
  return message({ kind: "heartbeat", at: 0 });
}

export function message(content: object): TableEvent {
  return { table: undefined, op: "m", content: JSON.stringify(content) };
}

/** The end of a table's copy. @param table of the source, as schema.table */
export function copied(table: string, reason = "it had rows before"): TableEvent {
  const content: CopiedMessage = { kind: "copied", table, snapshot: "1", reason };
  return { ...message(content), copied: content };
}

/** Whether they are a piece of a copy, and no transaction. */
function isPiece(events: readonly TableEvent[]): boolean {
  return events.every((event) => event.op === "r" || event.beside === true || event.copied !== undefined);
}

/** A record value of a topic, and what it says of itself. */
export interface WrittenEvent {
  readonly bytes: Buffer;
  readonly commitLsn: bigint;
  readonly sequence: number;
  readonly last: boolean;
}

export interface Position {
  readonly commitLsn: bigint;
  readonly sequence: number;
  readonly previous: bigint | null;
  readonly last: boolean;
  readonly systemIdentifier: bigint;
  readonly timeline: number;
  /** Debezium's count in `transaction`, which is left out without it. */
  readonly totalOrder?: number;
}

/** Writes transactions as one connector writes them to one topic. */
export class EventWriter {
  systemIdentifier = 7_300_000_000_000_000_001n;
  timeline = 1;
  /** Of the newest transaction; null before the first. */
  previous: bigint | null = null;
  commitLsn = 0x1_0000_0100n;
  /** The transaction before the newest, and the newest position's sequence: what pieces go on with. */
  #before: bigint | null = null;
  #sequence = 0;
  messageSchemaId = 1_000_000;
  readonly messagePlan: EventPlan;
  readonly #messageType: avro.Type;

  constructor(prefix = "test") {
    this.#messageType = exactAvroType(messageSchema(prefix));
    this.messagePlan = eventPlan(this.messageSchemaId, readerType(messageSchema(prefix)));
  }

  /** A whole transaction, one event behind the other; or a piece of a copy, at the position of the transaction before it. */
  transaction(events: readonly (TableEvent | readonly TableEvent[])[]): WrittenEvent[] {
    const all = events.flat();
    const piece = isPiece(all);
    if (!piece) {
      this.commitLsn += 0x100n;
      this.#before = this.previous;
      this.previous = this.commitLsn;
      this.#sequence = 0;
    }
    const { commitLsn } = this;
    const previous = this.#before;
    const from = this.#sequence;
    this.#sequence += all.length;
    return all.map((event, i) => {
      const sequence = from + i + 1;
      const last = i === all.length - 1;
      const bytes = this.encode(event, {
        commitLsn,
        sequence,
        last,
        previous,
        systemIdentifier: this.systemIdentifier,
        timeline: this.timeline,
        ...(piece || event.beside === true ? {} : { totalOrder: sequence }),
      });
      return { bytes, commitLsn, sequence, last };
    });
  }

  /**
   * The marker behind a gap that was recovered, which begins behind the newest event.
   *
   * @param sequence of that event, where its transaction is not whole
   */
  gap(tables: readonly string[], sequence = this.#sequence): Buffer {
    const from = this.commitLsn;
    this.commitLsn += 0x100n;
    this.previous = this.commitLsn;
    this.#sequence = 0;
    const { commitLsn, systemIdentifier, timeline } = this;
    const content: TakeOverMarker = {
      kind: "take-over",
      connector: "trading",
      slot: "s",
      systemIdentifier: String(systemIdentifier),
      timeline,
      history: [],
      commitLsn: String(commitLsn),
      sequence: 0,
      last: true,
      previous: String(from),
      recovered: { after: { commitLsn: String(from), sequence }, tables, reason: "the slot was lost" },
    };
    return this.encode(message({ ...content }), { commitLsn, sequence: 0, previous: from, last: false, systemIdentifier, timeline });
  }

  encode(event: TableEvent, position: Position): Buffer {
    const { table } = event;
    const systemIdentifier = Buffer.alloc(8);
    systemIdentifier.writeBigUInt64BE(position.systemIdentifier);
    const offtake = {
      commit_lsn: position.commitLsn,
      sequence: BigInt(position.sequence),
      prev_commit_lsn: position.previous,
      system_identifier: systemIdentifier,
      timeline: position.timeline,
      last: position.last,
    };
    const times = { ts_ms: 1_700_000_000_000n, ts_us: 1_700_000_000_000_000n, ts_ns: null };
    const source = {
      ...times,
      version: "test",
      connector: "postgresql",
      name: "test",
      snapshot: "false",
      db: "monolith",
      sequence: null,
      schema: table?.schema ?? "",
      table: table?.name ?? "",
      txId: 700n + (position.commitLsn & 0xffffn),
      lsn: position.commitLsn - 8n,
      xmin: null,
      origin: null,
      origin_lsn: null,
    };
    const head = Buffer.alloc(5);
    head.writeUInt32BE(table?.schemaId ?? this.messageSchemaId, 1);
    if (table === undefined) {
      const value = { op: event.op, source, ...times, message: { prefix: "offtake", content: Buffer.from(event.content ?? "") }, offtake };
      return Buffer.concat([head, this.#messageType.toBuffer(value)]);
    }
    const { unchanged = [] } = event;
    const value = {
      before: table.record(event.before),
      after: table.record(event.after),
      source,
      transaction:
        position.totalOrder === undefined
          ? null
          : { id: `${source.txId}:${position.commitLsn}`, total_order: BigInt(position.totalOrder), data_collection_order: 1n },
      op: event.op,
      ...times,
      offtake: {
        ...offtake,
        unchanged: unchanged.length === 0 ? null : unchanged.map(avroName),
        ...(table.keys.length === 0 ? {} : { old_key: table.oldKey(event.oldKey) }),
      },
    };
    return Buffer.concat([head, table.type.toBuffer(value)]);
  }
}

/** Events as the topic reader puts them into a log: without the delete in front of each move. Each has a buffer of its own, as after a compressed batch. */
export function logOf(events: readonly (TableEvent | readonly TableEvent[])[], log = new ChangeLog()): ChangeLog {
  const reader = new EventReader(events.flat()[0]!.table!.plan);
  const all = events.flat();
  const written = new EventWriter().transaction(all);
  for (const [i, { bytes }] of written.entries()) {
    reader.read(all[i]!.table!.plan, bytes, 5, bytes.length);
    if (reader.movesKey) log.dropLast();
    log.add(reader, i, 0, bytes.length);
  }
  return log;
}

/** Whole transactions as the topic reader hands them over; the record of each event has the offset that it has in its row. */
export function batchOf(written: readonly (readonly TableEvent[])[], writer: EventWriter, offset = 0): Batch {
  const batch = new Batch();
  const reader = new EventReader(noPlan);
  let at = offset;
  for (const events of written) {
    for (const [i, { bytes }] of writer.transaction(events).entries()) {
      const { table } = events[i]!;
      reader.read(table?.plan ?? writer.messagePlan, bytes, 5, bytes.length);
      batch.events += 1;
      if (table !== undefined) {
        if (reader.movesKey) batch.log.dropLast();
        batch.log.add(reader, at, 0, bytes.length);
      }
      const { copied: ended } = events[i]!;
      if (ended !== undefined) batch.copied.push(ended);
      if (reader.last) batch.transactions.add(batch.log.length, reader, at, table === undefined && ended === undefined);
      at += 1;
    }
  }
  return batch;
}
