/**
 * A column of many rows as one parameter: an array in PostgreSQL's binary form, filled from the bytes of the events. Numbers go over in binary, all
 * else as text, which PostgreSQL reads as it reads any text; a value becomes a JavaScript string only where the target's column has another type.
 *
 *     Array   dimensions:int32=1 has_null:int32 element_oid:uint32 length:int32 lower_bound:int32=1 Element*
 *     Element length:int32 byte*                                         (length -1 for NULL)
 *
 * Source: PostgreSQL's src/backend/utils/adt/arrayfuncs.c, array_send; documentation, "Formats and Format Codes".
 */
import { AvroCursor } from "../../schemas/avro-bytes.ts";
import type { AvroForm } from "../../schemas/postgres-types.ts";
import type { ChangeLog } from "./change-log.ts";
import type { ByteArena } from "./byte-arena.ts";
import type { RowSet } from "./row-set.ts";

/** How the values of a column travel: as PostgreSQL's own type of the same form, or as text. */
export interface ParameterType {
  /** As a statement casts the parameter to. */
  readonly sql: string;
  readonly elementOid: number;
  readonly form: AvroForm;
  /** Whether the form is turned into text on the way. */
  readonly asText: boolean;
}

const natives: Readonly<Record<AvroForm, { sql: string; elementOid: number }>> = {
  boolean: { sql: "bool[]", elementOid: 16 },
  int: { sql: "int4[]", elementOid: 23 },
  long: { sql: "int8[]", elementOid: 20 },
  float: { sql: "float4[]", elementOid: 700 },
  double: { sql: "float8[]", elementOid: 701 },
  bytes: { sql: "bytea[]", elementOid: 17 },
  string: { sql: "text[]", elementOid: 25 },
};

/**
 * @param asText for a column that has not the form's own type. Floats go over in binary all the same, and become text at the server: JavaScript's
 *   shortest digits are not always PostgreSQL's (50331650 where PostgreSQL prints 50331648).
 */
export function parameterType(form: AvroForm, asText: boolean): ParameterType {
  const exact = form === "boolean" || form === "int" || form === "long";
  return asText && exact ? { ...natives.string, form, asText } : { ...natives[form], form, asText: false };
}

const headerLength = 20;

/** Which of a change's two rows a column is taken from. */
export type RowSide = "row" | "old";

/**
 * @param column index into the row, or into the old key of a move
 * @param arena holds the result until it is reset
 */
export function arrayParameter(log: ChangeLog, rows: RowSet, side: RowSide, column: number, type: ParameterType, arena: ByteArena): Buffer {
  const { length } = rows;
  const parameter = arena.reserve(headerLength + sizeOf(log, rows, side, column, type));
  let hasNull = 0;
  let at = headerLength;
  for (let i = 0; i < length; i += 1) {
    const change = rows.sources?.[i]?.[column] ?? rows.changes[i]!;
    const value = log[side][change]! + column;
    const start = log.start[value]!;
    if (start === -1) {
      hasNull = 1;
      at = parameter.writeInt32BE(-1, at);
    } else at = element(parameter, at, log.buffers[log.buffer[change]!]!, start, log.end[value]!, type);
  }
  parameter.writeInt32BE(1, 0);
  parameter.writeInt32BE(hasNull, 4);
  parameter.writeUInt32BE(type.elementOid, 8);
  parameter.writeInt32BE(length, 12);
  parameter.writeInt32BE(1, 16);
  return parameter.subarray(0, at);
}

/** Bytes that the elements may need. */
function sizeOf(log: ChangeLog, rows: RowSet, side: RowSide, column: number, type: ParameterType): number {
  const { length } = rows;
  if (type.asText) return length * (4 + 32);
  if (type.form !== "string" && type.form !== "bytes") return length * (4 + 8);
  let size = 4 * length;
  for (let i = 0; i < length; i += 1) {
    const value = log[side][rows.sources?.[i]?.[column] ?? rows.changes[i]!]! + column;
    size += log.end[value]! - log.start[value]!;
  }
  return size;
}

const cursor = new AvroCursor();

function element(parameter: Buffer, at: number, bytes: Buffer, start: number, end: number, type: ParameterType): number {
  if (type.asText) {
    const length = parameter.write(textOf(bytes, start, end, type.form), at + 4, "latin1");
    parameter.writeInt32BE(length, at);
    return at + 4 + length;
  }
  switch (type.form) {
    case "string":
    case "bytes": {
      const length = end - start;
      at = parameter.writeInt32BE(length, at);
      if (length < 24) for (let i = 0; i < length; i += 1) parameter[at + i] = bytes[start + i]!;
      else bytes.copy(parameter, at, start, end);
      return at + length;
    }
    case "int":
      at = parameter.writeInt32BE(4, at);
      return parameter.writeInt32BE(cursor.over(bytes, start, end).long(), at);
    case "long": {
      at = parameter.writeInt32BE(8, at);
      if (end - start > 7) return parameter.writeBigInt64BE(cursor.over(bytes, start, end).bigLong(), at);
      const value = cursor.over(bytes, start, end).long();
      at = parameter.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
      return parameter.writeUInt32BE(value >>> 0, at);
    }
    case "boolean":
      at = parameter.writeInt32BE(1, at);
      parameter[at] = bytes[start]!;
      return at + 1;
    case "float":
      at = parameter.writeInt32BE(4, at);
      return parameter.writeFloatBE(bytes.readFloatLE(start), at);
    case "double":
      at = parameter.writeInt32BE(8, at);
      return parameter.writeDoubleBE(bytes.readDoubleLE(start), at);
  }
}

/** The value as PostgreSQL prints it; of a float digits that give the same float again. */
export function textOf(bytes: Buffer, start: number, end: number, form: AvroForm): string {
  switch (form) {
    case "int":
    case "long":
      return String(cursor.over(bytes, start, end).bigLong());
    case "boolean":
      return bytes[start] === 1 ? "t" : "f";
    case "float":
      return numberText(bytes.readFloatLE(start));
    case "double":
      return numberText(bytes.readDoubleLE(start));
    case "bytes":
      return `\\x${bytes.toString("hex", start, end)}`;
    case "string":
      return bytes.toString("utf8", start, end);
  }
}

/** JavaScript writes -0 as 0. */
function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
