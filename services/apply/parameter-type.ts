/**
 * How the values of a column travel to the target. In one of two ways: as text, or as PostgreSQL's own type of the form that the event carries, which is right
 * for every pair of types; or in the binary form of the column's own type, which saves the server reading texts (4.5 to 3.1 us a row of ten mixed columns).
 *
 * The second is right only where the text is known to be what PostgreSQL prints for that very type: '2026-02-01' as somebody's text may be the second of January
 * to the target's DateStyle, and then the target has to read it.
 */
import { escapeIdentifier } from "pg";
import { builtInTypes } from "../../schemas/built-in-types.ts";
import type { AvroForm } from "../../schemas/postgres-types.ts";
import { numericRoom, writeNumeric } from "./binary-numeric.ts";
import { writeDate, writeTime, writeTimestamp, writeTimestamptz } from "./binary-time.ts";
import { writeUuid } from "./binary-uuid.ts";
import {
  type ValueWriter,
  writeAsText,
  writeBoolean,
  writeFloat4,
  writeFloat8,
  writeInt2,
  writeInt4,
  writeInt8,
  writeJsonb,
  writeText,
} from "./value-writer.ts";

export interface ParameterType {
  /** As a statement casts the parameter to. */
  readonly sql: string;
  readonly elementOid: number;
  readonly form: AvroForm;
  readonly write: ValueWriter;
  /** Bytes that a value may need: `fixed`, and as many as the event has of it where `byLength` says so. */
  readonly fixed: number;
  readonly byLength: boolean;
}

/** A type of the target, of a column or of what its domain is over. */
export interface TargetType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly isEnum: boolean;
}

const natives: Readonly<Record<AvroForm, Omit<ParameterType, "form">>> = {
  boolean: { sql: "bool[]", elementOid: 16, write: writeBoolean, fixed: 1, byLength: false },
  int: { sql: "int4[]", elementOid: 23, write: writeInt4, fixed: 4, byLength: false },
  long: { sql: "int8[]", elementOid: 20, write: writeInt8, fixed: 8, byLength: false },
  float: { sql: "float4[]", elementOid: 700, write: writeFloat4, fixed: 4, byLength: false },
  double: { sql: "float8[]", elementOid: 701, write: writeFloat8, fixed: 8, byLength: false },
  bytes: { sql: "bytea[]", elementOid: 17, write: writeText, fixed: 0, byLength: true },
  string: { sql: "text[]", elementOid: 25, write: writeText, fixed: 0, byLength: true },
};

/** The longest text of a number: a bigint. */
const numberText = 32;

/**
 * @param asText for a column that has not the form's own type. Floats go over in binary all the same, and become text at the server: JavaScript's
 *   shortest digits are not always PostgreSQL's (50331650 where PostgreSQL prints 50331648).
 */
export function parameterType(form: AvroForm, asText: boolean): ParameterType {
  const exact = form === "boolean" || form === "int" || form === "long";
  if (!asText || !exact) return { ...natives[form], form };
  return { ...natives.string, form, write: writeAsText(form), fixed: numberText, byLength: false };
}

interface BinaryForm {
  /** Of the event's value. */
  readonly form: AvroForm;
  readonly write: ValueWriter;
  /** Bytes that the binary form may have more than the event's. */
  readonly more?: number;
  /** Whether the text must come from the same type of the source. */
  readonly printed?: true;
}

const binaryForms: Readonly<Record<string, BinaryForm>> = {
  bool: { form: "boolean", write: writeBoolean },
  int2: { form: "int", write: writeInt2 },
  int4: { form: "int", write: writeInt4 },
  int8: { form: "long", write: writeInt8 },
  float4: { form: "float", write: writeFloat4 },
  float8: { form: "double", write: writeFloat8 },
  bytea: { form: "bytes", write: writeText },
  text: { form: "string", write: writeText },
  varchar: { form: "string", write: writeText },
  bpchar: { form: "string", write: writeText },
  name: { form: "string", write: writeText },
  json: { form: "string", write: writeText },
  jsonb: { form: "string", write: writeJsonb, more: 1 },
  uuid: { form: "string", write: writeUuid, printed: true },
  numeric: { form: "string", write: writeNumeric, more: numericRoom, printed: true },
  date: { form: "string", write: writeDate, printed: true },
  time: { form: "string", write: writeTime, printed: true },
  timestamp: { form: "string", write: writeTimestamp, printed: true },
  timestamptz: { form: "string", write: writeTimestamptz, printed: true },
};

/**
 * The binary form of the target's own type.
 *
 * @param sourceType as the registered schema has it; undefined where it is not known
 * @returns undefined where the value has to be read by the target
 */
export function binaryType(form: AvroForm, sourceType: string | undefined, type: TargetType): ParameterType | undefined {
  const name = type.isEnum ? "text" : builtInTypes[type.oid];
  const binary = name === undefined ? undefined : binaryForms[name];
  if (binary === undefined || binary.form !== form || (binary.printed === true && sourceType !== name)) return undefined;
  return {
    sql: `${escapeIdentifier(type.schema)}.${escapeIdentifier(type.name)}[]`,
    elementOid: type.oid,
    form,
    write: binary.write,
    fixed: natives[form].fixed + (binary.more ?? 0),
    byLength: natives[form].byLength,
  };
}
