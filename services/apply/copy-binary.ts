/**
 * New rows in the binary form that COPY reads: the server stores the values as they come, without reading a text for each. A third less than the same rows as
 * text (copy-rows.ts), where all columns have a type whose binary form is written here.
 *
 *     Data     Head Row* Trailer
 *     Head     "PGCOPY\n\xff\r\n\0" flags:int32=0 extension:int32=0
 *     Row      columns:int16 Value*
 *     Value    length:int32 byte*                                        (length -1 for NULL)
 *     Trailer  -1:int16
 *
 * A length that is wrong by one puts every byte behind it into the wrong place; the server finds that out in most cases, and the tests in all.
 *
 * Source: PostgreSQL documentation, "COPY", File Formats, Binary Format.
 */
import type { ByteArena } from "./byte-arena.ts";
import type { ChangeLog } from "./change-log.ts";
import { copyPieces } from "./copy-pieces.ts";
import { NotMergeable } from "./not-mergeable.ts";
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
    size += 4 + parameter.fixed;
    if (!parameter.byLength) continue;
    const value = log.row[rows.sources?.[i]?.[index] ?? rows.changes[i]!]! + index;
    size += log.end[value]! - log.start[value]!;
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
    const value = log.row[change]! + index;
    const start = log.start[value]!;
    let end = at + 4;
    let length = -1;
    if (start !== -1) {
      end = parameter.write(to, end, log.buffers[log.buffer[change]!]!, start, log.end[value]!);
      if (end === -1) throw new NotMergeable("a value that is not what PostgreSQL prints for its type");
      length = end - at - 4;
    }
    to[at] = length >> 24;
    to[at + 1] = length >> 16;
    to[at + 2] = length >> 8;
    to[at + 3] = length;
    at = end;
  }
  return at;
}
