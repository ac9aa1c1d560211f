/**
 * New rows in the binary form that COPY reads: the server stores the values as they come, without reading a text for each. A third less than the same rows as
 * text (copy-rows.ts), where all columns have a type whose binary form is written here.
 *
 *     Data     Head Row* Trailer
 *     Head     "PGCOPY\n\xff\r\n\0" flags:int32=0 extension:int32=0
 *     Row      columns:int16 Field*                                      (binary-field.ts)
 *     Trailer  -1:int16
 *
 * Source: PostgreSQL documentation, "COPY", File Formats, Binary Format.
 */
import { fieldRoom, writeField } from "./binary-field.ts";
import type { ByteArena } from "./byte-arena.ts";
import type { ChangeLog } from "./change-log.ts";
import { copyPieces } from "./copy-pieces.ts";
import type { RowSet } from "./row-set.ts";
import { type Statement, statement } from "./statements.ts";
import type { TargetColumn, TargetTable } from "./target-table.ts";

const head = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const trailer = Buffer.from([0xff, 0xff]);

/** The statement whose data copyBinary makes. */
export function copyBinaryStatement(table: TargetTable): Statement {
  const names = table.columns.map((column) => column.name).join(", ");
  return statement("copy", table, `COPY ${table.name} (${names}) FROM STDIN (FORMAT binary)`, []);
}

/**
 * @param arena holds the result until it is reset
 * @returns the data in pieces
 * @throws NotMergeable where a value has to be read by the target
 */
export function copyBinary(log: ChangeLog, rows: RowSet, columns: readonly TargetColumn[], arena: ByteArena): Buffer[] {
  const pieces = copyPieces(
    rows.length,
    { roomOf: (i) => roomOf(log, rows, i, columns), write: (to, at, i) => row(to, at, log, rows, i, columns) },
    arena,
  );
  return [head, ...pieces, trailer];
}

/** Bytes that the row may need. */
function roomOf(log: ChangeLog, rows: RowSet, i: number, columns: readonly TargetColumn[]): number {
  let size = 2;
  for (let c = 0; c < columns.length; c += 1) {
    const { index, parameter } = columns[c]!;
    size += fieldRoom(log, log.row[rows.sources?.[i]?.[index] ?? rows.changes[i]!]! + index, parameter);
  }
  return size;
}

/** @returns where the row ends */
function row(to: Buffer, at: number, log: ChangeLog, rows: RowSet, i: number, columns: readonly TargetColumn[]): number {
  to[at] = columns.length >> 8;
  to[at + 1] = columns.length;
  at += 2;
  for (let c = 0; c < columns.length; c += 1) {
    const { index, parameter } = columns[c]!;
    const change = rows.sources?.[i]?.[index] ?? rows.changes[i]!;
    at = writeField(to, at, log, change, log.row[change]! + index, parameter);
  }
  return at;
}
