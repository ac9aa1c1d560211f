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
import type { AvroCursor } from "./avro-bytes.ts";
import { postgresName, tableOfNamespace } from "./avro-names.ts";
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

/** The next field of a record: one of Field, and how to pass over it. */
export interface Step {
  readonly field: number;
  readonly skip: Skip;
}

type Skip = (cursor: AvroCursor) => void;

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
  const offtake = record(nullableOf(need("offtake")), `${name}.offtake`);
  const source = need("source");
  const base = { schemaId, steps: stepsOf(envelope, fieldCodes), offtake: stepsOf(offtake, offtakeCodes), source };
  need("op");
  if (fields.has("message")) return { ...base, kind: "message", schema: "", table: "", columns: [], keys: [] };
  const value = record(nullableOf(need("before")), `${name}.before`);
  need("after");
  const columns = value.fields.map((field): EventColumn => columnOf(field.name, field.type, name));
  const oldKey = offtake.fields.find((field) => field.name === "old_key");
  const keys =
    oldKey === undefined
      ? []
      : record(nullableOf(oldKey.type), `${name}.old_key`).fields.map((field) => columns.findIndex((column) => column.field === field.name));
  if (keys.includes(-1)) throw notOurs(name, "a key column that is not in the row");
  return { ...base, kind: "row", ...tableOfNamespace(name.slice(0, name.lastIndexOf("."))), columns, keys };
}

function stepsOf(type: avro.types.RecordType, codes: Readonly<Record<string, number>>): Step[] {
  return type.fields.map((field) => ({ field: codes[field.name] ?? Field.other, skip: skipOf(field.type) }));
}

function columnOf(field: string, type: avro.Type, envelope: string): EventColumn {
  const branches = type instanceof avro.types.UnwrappedUnionType || type instanceof avro.types.WrappedUnionType ? type.types : undefined;
  const valueBranch = branches === undefined ? -1 : branches.findIndex((branch) => branch.typeName !== "null");
  const form = (branches === undefined ? type : branches[valueBranch])?.typeName;
  if (form === undefined || !isForm(form) || (branches !== undefined && branches.length !== 2))
    throw notOurs(envelope, `a column ${field} of type ${String(form)}`);
  return { name: postgresName(field), field, form, valueBranch };
}

function isForm(name: string): name is AvroForm {
  return ["boolean", "int", "long", "float", "double", "bytes", "string"].includes(name);
}

function record(type: avro.Type, what: string): avro.types.RecordType {
  if (type instanceof avro.types.RecordType) return type;
  throw notOurs(what, `a ${type.typeName} where a record belongs`);
}

/** The other branch of a union with null first. */
function nullableOf(type: avro.Type): avro.Type {
  if (!(type instanceof avro.types.UnwrappedUnionType || type instanceof avro.types.WrappedUnionType)) return type;
  return type.types.find((branch) => branch.typeName !== "null") ?? type;
}

function skipOf(type: avro.Type): Skip {
  if (type instanceof avro.types.RecordType) {
    const steps = type.fields.map((field) => skipOf(field.type));
    return (cursor) => {
      for (const step of steps) step(cursor);
    };
  }
  if (type instanceof avro.types.UnwrappedUnionType || type instanceof avro.types.WrappedUnionType) {
    const branches = type.types.map(skipOf);
    return (cursor) => {
      const branch = branches[cursor.long()];
      if (branch === undefined) throw new OfftakeError("EVENT_MALFORMED", "An event has a union branch that its schema does not have.");
      branch(cursor);
    };
  }
  if (type instanceof avro.types.ArrayType) {
    const item = skipOf(type.itemsType);
    return (cursor) => {
      for (let count = cursor.long(); count !== 0; count = cursor.long()) {
        if (count < 0) {
          cursor.skipLong();
          count = -count;
        }
        for (; count > 0; count -= 1) item(cursor);
      }
    };
  }
  if (type instanceof avro.types.FixedType) {
    const { size } = type;
    return (cursor) => cursor.skip(size);
  }
  if (type.typeName === "null") return () => {};
  if (isForm(type.typeName)) {
    const form = type.typeName;
    return (cursor) => void passOver(cursor, form);
  }
  throw notOurs(type.name ?? type.typeName, `a field of type ${type.typeName}`);
}

function notOurs(name: string, why: string): OfftakeError {
  return new OfftakeError("EVENT_MALFORMED", `The schema ${name} is not one of Offtake's envelopes: it has ${why}.`);
}

/** Passes over a value. @returns where it begins: of a string or bytes the content */
export function passOver(cursor: AvroCursor, form: AvroForm): number {
  const start = cursor.at;
  switch (form) {
    case "string":
    case "bytes":
      return cursor.slice();
    case "int":
    case "long":
      cursor.skipLong();
      return start;
    case "boolean":
      cursor.skip(1);
      return start;
    case "float":
      cursor.skip(4);
      return start;
    case "double":
      cursor.skip(8);
      return start;
  }
}
