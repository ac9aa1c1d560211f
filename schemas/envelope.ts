/**
 * The Avro schemas of what stands on a topic: Debezium's envelope, field for field, with one nullable field of ours at the end. Other software
 * finds records by these names (`…Envelope`, `…Value`, `…Key`, connect.name), so a renamed field here is an outage there.
 *
 * Where values differ from Debezium's: types without an exact Avro form are text (postgres-types.ts); `ts_ns` is null, since PostgreSQL has
 * microseconds and a long beyond 2^53 stops every reader that uses avsc as it comes.
 *
 * Source: Debezium documentation, "Debezium connector for PostgreSQL", Data change events; the schemas that Debezium 3.6 registers.
 */
import { avroName, tableNamespace } from "./avro-names.ts";
import type { AvroColumnType } from "./postgres-types.ts";

/** Avro schema as JSON. */
export type AvroSchema = string | readonly AvroSchema[] | { readonly [property: string]: unknown };

export interface EnvelopeColumn {
  readonly name: string;
  /** Part of the key, so never null. */
  readonly key: boolean;
  readonly type: AvroColumnType;
}

/** What a topic's records are named after. */
export interface EnvelopeNames {
  readonly topicPrefix: string;
  readonly schema: string;
  readonly table: string;
}

const nullable = (type: AvroSchema): AvroSchema => ["null", type];
const optional = (name: string, type: AvroSchema) => ({ name, type: nullable(type), default: null });

/** Of the record key: the columns of the replica identity, in the table's order. */
export function keySchema(names: EnvelopeNames, columns: readonly EnvelopeColumn[]): AvroSchema {
  const namespace = tableNamespace(names.topicPrefix, names.schema, names.table);
  return { type: "record", name: "Key", namespace, fields: keyFields(columns), "connect.name": `${namespace}.Key` };
}

/** Of the record value. */
export function envelopeSchema(names: EnvelopeNames, columns: readonly EnvelopeColumn[]): AvroSchema {
  const namespace = tableNamespace(names.topicPrefix, names.schema, names.table);
  const value = {
    type: "record",
    name: "Value",
    fields: columns.map((column) =>
      column.key ? { name: avroName(column.name), type: column.type.schema } : optional(avroName(column.name), column.type.schema),
    ),
    "connect.name": `${namespace}.Value`,
  };
  const oldKey = { type: "record", name: "OldKey", fields: keyFields(columns) };
  const hasKey = columns.some((column) => column.key);
  return {
    type: "record",
    name: "Envelope",
    namespace,
    fields: [
      optional("before", value),
      optional("after", "Value"),
      { name: "source", type: source },
      optional("transaction", transaction),
      { name: "op", type: "string" },
      ...processingTime,
      optional("offtake", offtake([optional("unchanged", { type: "array", items: "string" }), ...(hasKey ? [optional("old_key", oldKey)] : [])])),
    ],
    "connect.version": 2,
    "connect.name": `${namespace}.Envelope`,
  };
}

/** Full name of the record that messages are. */
export function messageEnvelopeName(topicPrefix: string): string {
  return `${messageNamespace(topicPrefix)}.Envelope`;
}

function messageNamespace(topicPrefix: string): string {
  return `${topicPrefix.split(".").map(avroName).join(".")}.Message`;
}

/** Of logical decoding messages: heartbeats and markers. */
export function messageSchema(topicPrefix: string): AvroSchema {
  const namespace = messageNamespace(topicPrefix);
  const message = {
    type: "record",
    name: "Message",
    namespace: "io.debezium.connector.postgresql",
    fields: [
      { name: "prefix", type: "string" },
      { name: "content", type: "bytes" },
    ],
  };
  return {
    type: "record",
    name: "Envelope",
    namespace,
    fields: [
      { name: "op", type: "string" },
      { name: "source", type: source },
      ...processingTime,
      { name: "message", type: message },
      optional("offtake", offtake([])),
    ],
    "connect.name": `${namespace}.Envelope`,
  };
}

function keyFields(columns: readonly EnvelopeColumn[]): AvroSchema[] {
  return columns.filter((column) => column.key).map((column) => ({ name: avroName(column.name), type: column.type.schema }));
}

/**
 * (commit_lsn, sequence) is the position; system identifier and timeline say of which cluster and history, since a position alone means nothing
 * after a restore or a promotion. The identifier has 64 bits and is not a long: readers that use avsc as it comes stop at 2^53.
 */
function offtake(more: AvroSchema[]): AvroSchema {
  return {
    type: "record",
    name: "Offtake",
    fields: [
      { name: "commit_lsn", type: "long" },
      { name: "sequence", type: "long" },
      optional("prev_commit_lsn", "long"),
      { name: "system_identifier", type: { type: "fixed", name: "SystemIdentifier", namespace: "io.offtake", size: 8 } },
      { name: "timeline", type: "int" },
      { name: "last", type: "boolean" },
      ...more,
    ],
  };
}

const processingTime = [optional("ts_ms", "long"), optional("ts_us", "long"), optional("ts_ns", "long")];

const transaction = {
  type: "record",
  name: "block",
  namespace: "event",
  fields: [
    { name: "id", type: "string" },
    { name: "total_order", type: "long" },
    { name: "data_collection_order", type: "long" },
  ],
  "connect.version": 1,
  "connect.name": "event.block",
};

const snapshot = {
  type: "string",
  "connect.version": 1,
  "connect.parameters": { allowed: "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental" },
  "connect.default": "false",
  "connect.name": "io.debezium.data.Enum",
};

const source = {
  type: "record",
  name: "Source",
  namespace: "io.debezium.connector.postgresql",
  fields: [
    { name: "version", type: "string" },
    { name: "connector", type: "string" },
    { name: "name", type: "string" },
    { name: "ts_ms", type: "long" },
    { name: "snapshot", type: [snapshot, "null"], default: "false" },
    { name: "db", type: "string" },
    optional("sequence", "string"),
    optional("ts_us", "long"),
    optional("ts_ns", "long"),
    { name: "schema", type: "string" },
    { name: "table", type: "string" },
    optional("txId", "long"),
    optional("lsn", "long"),
    optional("xmin", "long"),
    optional("origin", "string"),
    optional("origin_lsn", "long"),
  ],
  "connect.version": 1,
  "connect.name": "io.debezium.connector.postgresql.Source",
};
