/**
 * A column of many rows as one parameter: an array in PostgreSQL's binary form, filled from the bytes of the events.
 *
 *     Array   dimensions:int32=1 has_null:int32 element_oid:uint32 length:int32 lower_bound:int32=1 Field*       (binary-field.ts)
 *
 * Source: PostgreSQL's src/backend/utils/adt/arrayfuncs.c, array_send; documentation, "Formats and Format Codes".
 */
import { fieldRoom, writeField } from "./binary-field.ts";
import type { ChangeLog } from "./change-log.ts";
import type { ByteArena } from "./byte-arena.ts";
import type { ParameterType } from "./parameter-type.ts";
import type { RowSet } from "./row-set.ts";

const headerLength = 20;

/** Which of a change's two rows a column is taken from. */
export type RowSide = "row" | "old";

/**
 * @param column index into the row, or into the old key of a move
 * @param arena holds the result until it is reset
 * @throws NotMergeable where a value has to be read by the target
 */
export function arrayParameter(log: ChangeLog, rows: RowSet, side: RowSide, column: number, type: ParameterType, arena: ByteArena): Buffer {
  const { length } = rows;
  const parameter = arena.reserve(headerLength + sizeOf(log, rows, side, column, type));
  let hasNull = 0;
  let at = headerLength;
  for (let i = 0; i < length; i += 1) {
    const change = rows.sources?.[i]?.[column] ?? rows.changes[i]!;
    const value = log[side][change]! + column;
    if (log.start[value] === -1) hasNull = 1;
    at = writeField(parameter, at, log, change, value, type);
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
  let size = 0;
  for (let i = 0; i < rows.length; i += 1) size += fieldRoom(log, log[side][rows.sources?.[i]?.[column] ?? rows.changes[i]!]! + column, type);
  return size;
}
