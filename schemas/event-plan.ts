/**
 * What a schema of the registry says about its events, compiled once per schema id: which fields the reader looks into, how to pass over the
 * others, and which columns the table's rows have.
 *
 * A field that is needed and not there is an error here, not when a row is read; fields that this version does not know are passed over by
 * their type, so that a newer connector does not stop an older applier.
 *
 * Source: schemas/envelope.ts; Apache Avro specification, "Binary Encoding".
 */
import avro from "avsc";
import { OfftakeError } from "../services/runtime/errors.ts";
import { postgresName, tableOfNamespace } from "./avro-names.ts";
import { branchesOf, isForm, type Skip, skipOf } from "./avro-skip.ts";
import type { AvroForm } from "./postgres-types.ts";

export interface EventColumn {
  /** As PostgreSQL spells it. */
  readonly name: string;
  /** As Avro does. */
  readonly field: string;
  readonly form: AvroForm;
  /** Index of the union branch that carries the value; -1 for a field that is never null. */
  readonly valueBranch: number;
}

/** What a schema says about its events. */
export interface EventPlan {
  readonly schemaId: number;
  /** A row change or a truncate of a table, or a logical message. */
  readonly kind: "row" | "message";
  /** The source's table. Empty for messages. */
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly EventColumn[];
  /** Indexes of the key's columns in `columns`, in the key's order; empty for a table without a key. */
  readonly keys: readonly number[];
  readonly steps: readonly Step[];
  readonly offtake: readonly Step[];
  /** The fields of `source`. */
  readonly sources: readonly Step[];
  readonly source: avro.Type;
}

/** The fields that the reader looks into; it passes over all others. */
export const Field = {
  other: 0,
  before: 1,
  after: 2,
  source: 3,
  op: 4,
  message: 5,
  offtake: 6,
  commitLsn: 7,
  sequence: 8,
  previous: 9,
  last: 10,
  unchanged: 11,
  oldKey: 12,
  systemIdentifier: 13,
  timeline: 14,
  transaction: 15,
  commitMicros: 16,
  xid: 17,
} as const;

const fieldCodes: Readonly<Record<string, number>> = {
  before: Field.before,
  after: Field.after,
  source: Field.source,
  op: Field.op,
  message: Field.message,
  offtake: Field.offtake,
};

const offtakeCodes: Readonly<Record<string, number>> = {
  commit_lsn: Field.commitLsn,
  sequence: Field.sequence,
  prev_commit_lsn: Field.previous,
  system_identifier: Field.systemIdentifier,
  timeline: Field.timeline,
  last: Field.last,
  unchanged: Field.unchanged,
  old_key: Field.oldKey,
};

const sourceCodes: Readonly<Record<string, number>> = { ts_us: Field.commitMicros, txId: Field.xid };

/** Without them an event has no place. */
const positionFields = ["commit_lsn", "sequence", "prev_commit_lsn", "system_identifier", "timeline", "last"];

/** The next field of a record: one of Field, and how to pass over it. */
export interface Step {
  readonly field: number;
  readonly skip: Skip;
}

/** Stands in a reader until it reads its first event. */
export const noPlan: EventPlan = {
  schemaId: 0,
  kind: "message",
  schema: "",
  table: "",
  columns: [],
  keys: [],
  steps: [],
  offtake: [],
  sources: [],
  source: avro.Type.forSchema("null"),
};

/**
 * @param type as the registry's client gives it
 * @throws OfftakeError EVENT_MALFORMED when it is not one of Offtake's envelopes
 */
export function eventPlan(schemaId: number, type: avro.Type): EventPlan {
  const envelope = record(type, `schema ${schemaId}`);
  const name = envelope.name ?? "";
  const fields = new Map(envelope.fields.map((field) => [field.name, field.type]));
  const need = (field: string): avro.Type => {
    const found = fields.get(field);
    if (found === undefined) throw notOurs(name, `no field ${field}`);
    return found;
  };
  const nullable = (field: string): avro.Type => nullableOf(need(field), name, field);
  const offtake = record(nullable("offtake"), `${name}.offtake`);
  for (const field of positionFields) if (!offtake.fields.some((each) => each.name === field)) throw notOurs(name, `no field offtake.${field}`);
  const source = record(need("source"), `${name}.source`);
  for (const field of Object.keys(sourceCodes)) {
    const found = source.fields.find((each) => each.name === field);
    if (found === undefined || nullableOf(found.type, name, field).typeName !== "long") throw notOurs(name, `no number source.${field}`);
  }
  const steps = stepsOf(envelope, isTransaction(fields.get("transaction")) ? { ...fieldCodes, transaction: Field.transaction } : fieldCodes);
  const base = { schemaId, steps, offtake: stepsOf(offtake, offtakeCodes), sources: stepsOf(source, sourceCodes), source };
  need("op");
  const message = fields.get("message");
  if (message !== undefined && !isMessage(message)) throw notOurs(name, "a message that is not a prefix and its content");
  if (message !== undefined) return { ...base, kind: "message", schema: "", table: "", columns: [], keys: [] };
  const value = record(nullable("before"), `${name}.before`);
  nullable("after");
  const columns = value.fields.map((field): EventColumn => columnOf(field.name, field.type, name));
  const oldKey = offtake.fields.find((field) => field.name === "old_key");
  const keys =
    oldKey === undefined
      ? []
      : record(nullableOf(oldKey.type, name, oldKey.name), `${name}.old_key`).fields.map((field) =>
          columns.findIndex((column) => column.field === field.name),
        );
  if (keys.includes(-1)) throw notOurs(name, "a key column that is not in the row");
  return { ...base, kind: "row", ...tableOfNamespace(name.slice(0, name.lastIndexOf("."))), columns, keys };
}

function stepsOf(type: avro.types.RecordType, codes: Readonly<Record<string, number>>): Step[] {
  return type.fields.map((field) => ({ field: codes[field.name] ?? Field.other, skip: skipOf(field.type) }));
}

function columnOf(field: string, type: avro.Type, envelope: string): EventColumn {
  const branches = branchesOf(type);
  const valueBranch = branches === undefined ? -1 : branches.findIndex((branch) => branch.typeName !== "null");
  const form = (branches === undefined ? type : branches[valueBranch])?.typeName;
  if (form === undefined || !isForm(form) || (branches !== undefined && branches.length !== 2))
    throw notOurs(envelope, `a column ${field} of type ${String(form)}`);
  return { name: postgresName(field), field, form, valueBranch };
}

function record(type: avro.Type, what: string): avro.types.RecordType {
  if (type instanceof avro.types.RecordType) return type;
  throw notOurs(what, `a ${type.typeName} where a record belongs`);
}

function isMessage(type: avro.Type): boolean {
  const shape = type instanceof avro.types.RecordType ? type.fields.map((field) => `${field.name} ${field.type.typeName}`) : [];
  return shape.join() === "prefix string,content bytes";
}

/** Debezium's block, as the reader takes it. One of another shape is passed over. */
function isTransaction(type: avro.Type | undefined): boolean {
  const block = type === undefined ? undefined : branchesOf(type)?.[1];
  const shape = block instanceof avro.types.RecordType ? block.fields.map((field) => `${field.name} ${field.type.typeName}`) : [];
  return shape.join() === "id string,total_order long,data_collection_order long";
}

/** The other branch of a union of null and one more type, in this order, which is what the reader takes it for. */
function nullableOf(type: avro.Type, envelope: string, field: string): avro.Type {
  const branches = branchesOf(type) ?? [];
  const [first, second] = branches;
  if (branches.length === 2 && first?.typeName === "null" && second !== undefined) return second;
  throw notOurs(envelope, `a field ${field} that is not a union of null and one more type`);
}

function notOurs(name: string, why: string): OfftakeError {
  return new OfftakeError("EVENT_MALFORMED", `The schema ${name} is not one of Offtake's envelopes: it has ${why}.`);
}
