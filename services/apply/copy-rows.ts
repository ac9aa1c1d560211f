/**
 * New rows as the text that COPY reads: little more than half of what the same rows cost the server as arrays (docs/decisions/0003-apply.md). Values are what
 * PostgreSQL printed, and its own input functions read them; only what would end a value or a row is escaped.
 *
 *     Data     Row*
 *     Row      Value (tab Value)* newline
 *     Value    `\N` for NULL, or text in which backslash, tab, newline and carriage return have a backslash before them
 *
 * A byte that is not escaped and should be puts what follows into the next column: tests put every byte through it.
 *
 * Source: PostgreSQL documentation, "COPY", File Formats, Text Format.
 */
import { AvroCursor } from "../../schemas/avro-bytes.ts";
import type { AvroForm } from "../../schemas/postgres-types.ts";
import type { ByteArena } from "./byte-arena.ts";
import type { ChangeLog } from "./change-log.ts";
import { copyPieces } from "./copy-pieces.ts";
import type { RowSet } from "./row-set.ts";
import { type Statement, statement } from "./statements.ts";
import type { TargetColumn, TargetTable } from "./target-table.ts";
import { textOf } from "./value-writer.ts";

/** The longest text of a number: a float8 in digits, a bigint. */
const numberBytes = 32;

/** From this length on one look at the bytes and a copy are faster than byte by byte: 465 against 552 ns for a row of 185 bytes. */
const longText = 16;

const tab = 0x09;
const newline = 0x0a;
const backslash = 0x5c;

/** For each byte what follows the backslash; 0 for one that is itself. */
const escapes = new Uint8Array(256);
for (const [byte, letter] of [
  [backslash, "\\"],
  [tab, "t"],
  [newline, "n"],
  [0x0d, "r"],
] as const)
  escapes[byte] = letter.charCodeAt(0);

const hexDigits = Buffer.from("0123456789abcdef");

/** The statement whose data copyRows makes. COPY writes identity columns of both kinds, as OVERRIDING SYSTEM VALUE does. */
export function copyStatement(table: TargetTable): Statement {
  const names = table.columns.map((column) => column.name).join(", ");
  return statement("copy", table, `COPY ${table.name} (${names}) FROM STDIN`, []);
}

/**
 * @param arena holds the result until it is reset
 * @returns the rows in pieces, each of whole rows
 */
export function copyRows(log: ChangeLog, rows: RowSet, columns: readonly TargetColumn[], arena: ByteArena): Buffer[] {
  return copyPieces(rows.length, { roomOf: (i) => roomOf(log, rows, i, columns), write: (to, at, i) => row(to, at, log, rows, i, columns) }, arena);
}

/** Bytes that the row may need: every byte of a text escaped, every byte of a bytea two digits. */
function roomOf(log: ChangeLog, rows: RowSet, i: number, columns: readonly TargetColumn[]): number {
  let size = columns.length + 1;
  for (let c = 0; c < columns.length; c += 1) {
    const { index, parameter } = columns[c]!;
    const change = rows.sources?.[i]?.[index] ?? rows.changes[i]!;
    const value = log.row[change]! + index;
    const start = log.start[value]!;
    if (start === -1) size += 2;
    else if (parameter.form === "string" || parameter.form === "bytes") size += 3 + 2 * (log.end[value]! - start);
    else size += numberBytes;
  }
  return size;
}

/** @returns where the row ends */
function row(to: Buffer, at: number, log: ChangeLog, rows: RowSet, i: number, columns: readonly TargetColumn[]): number {
  for (let c = 0; c < columns.length; c += 1) {
    const { index, parameter } = columns[c]!;
    const change = rows.sources?.[i]?.[index] ?? rows.changes[i]!;
    const value = log.row[change]! + index;
    const start = log.start[value]!;
    if (start === -1) {
      to[at] = backslash;
      to[at + 1] = 0x4e;
      at += 2;
    } else at = text(to, at, log.buffers[log.buffer[change]!]!, start, log.end[value]!, parameter.form);
    to[at] = tab;
    at += 1;
  }
  // A row ends where the next column would begin.
  to[at - 1] = newline;
  return at;
}

const cursor = new AvroCursor();

/** @returns where the value ends */
function text(to: Buffer, at: number, bytes: Buffer, start: number, end: number, form: AvroForm): number {
  switch (form) {
    case "string":
      return escaped(to, at, bytes, start, end);
    case "int":
      return integer(to, at, cursor.over(bytes, start, end).long());
    case "long":
      if (end - start <= 7) return integer(to, at, cursor.over(bytes, start, end).long());
      return at + to.write(textOf(bytes, start, end, form), at, "latin1");
    case "boolean":
      to[at] = bytes[start] === 1 ? 0x74 : 0x66;
      return at + 1;
    case "float":
    case "double":
      return at + to.write(textOf(bytes, start, end, form), at, "latin1");
    case "bytes":
      return hexadecimal(to, at, bytes, start, end);
  }
}

function escaped(to: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  if (end - start >= longText && isPlain(bytes, start, end)) return at + bytes.copy(to, at, start, end);
  for (let i = start; i < end; i += 1) {
    const byte = bytes[i]!;
    const letter = escapes[byte]!;
    if (letter === 0) to[at] = byte;
    else {
      to[at] = backslash;
      at += 1;
      to[at] = letter;
    }
    at += 1;
  }
  return at;
}

/** Whether nothing has to be escaped. What has to be is a backslash, or below the blank. */
function isPlain(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i += 1) {
    const byte = bytes[i]!;
    if (byte === backslash || byte < 0x20) return false;
  }
  return true;
}

/** Digit by digit, without a string: most columns of most tables are such numbers. */
function integer(to: Buffer, at: number, value: number): number {
  if (value < 0) {
    to[at] = 0x2d;
    at += 1;
    value = -value;
  }
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits += 1;
  for (let i = at + digits - 1; i >= at; i -= 1) {
    const rest = Math.floor(value / 10);
    to[i] = 0x30 + (value - rest * 10);
    value = rest;
  }
  return at + digits;
}

function hexadecimal(to: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  to[at] = backslash;
  to[at + 1] = backslash;
  to[at + 2] = 0x78;
  at += 3;
  for (let i = start; i < end; i += 1) {
    const byte = bytes[i]!;
    to[at] = hexDigits[byte >>> 4]!;
    to[at + 1] = hexDigits[byte & 15]!;
    at += 2;
  }
  return at;
}
