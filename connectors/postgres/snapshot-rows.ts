/**
 * The rows of one chunk, as COPY prints them, in the form in which the encoder takes rows: offsets into bytes. They are kept until the stream has come far
 * enough, so they are unescaped once, as they come, into one buffer.
 *
 *     Data     Row*
 *     Row      Value (tab Value)* newline
 *     Value    `\N` for NULL, or text in which backslash, backspace, tab, newline, vertical tab, form feed and carriage return have a backslash before them
 *     Kept     (byte* separator)* for each row; where each value ends, and whether it is one, stands apart
 *
 * An escape that is read wrongly is a wrong value at the target: tests put every byte through it.
 *
 * Source: PostgreSQL documentation, "COPY", File Formats, Text Format.
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import { type Tuple, Value } from "./pgoutput.ts";

const tab = 0x09;
const newline = 0x0a;
const backslash = 0x5c;
const capitalN = 0x4e;

/** For the letter behind a backslash the byte that it stands for; 0 for one that stands for itself. */
const escaped = new Uint8Array(256);
for (const [letter, byte] of [
  ["b", 0x08],
  ["t", tab],
  ["n", newline],
  ["v", 0x0b],
  ["f", 0x0c],
  ["r", 0x0d],
] as const)
  escaped[letter.charCodeAt(0)] = byte;

/** In place of the end of a value that is NULL, minus what the end would be: the value behind it begins after that. */
const nullOf = (end: number): number => -1 - end;

export class SnapshotRows {
  bytes: Buffer = Buffer.allocUnsafe(64 << 10);
  readonly #columns: number;
  #count = 0;
  /** Where each value ends. */
  #ends = new Int32Array(1024);
  #at = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes that are kept. */
  get size(): number {
    return this.#at;
  }

  /**
   * @param row one row with its newline
   * @throws OfftakeError INTERNAL when it has not the columns that were asked for
   */
  push(row: Buffer): void {
    this.#reserve(row.length);
    const fields = row.includes(backslash) ? this.#unescape(row) : this.#keep(row);
    if (fields !== this.#columns) throw new OfftakeError("INTERNAL", `A row of COPY has ${fields} values instead of ${this.#columns}.`);
    this.#count += 1;
  }

  /** Nothing to unescape, and no NULL. @returns how many values */
  #keep(row: Buffer): number {
    const from = this.#at;
    row.copy(this.bytes, from);
    let value = this.#count * this.#columns;
    for (let i = 0; i < row.length; i += 1) {
      const byte = row[i]!;
      if (byte !== tab && byte !== newline) continue;
      this.#ends[value] = from + i;
      value += 1;
    }
    this.#at = from + row.length;
    return value - this.#count * this.#columns;
  }

  #unescape(row: Buffer): number {
    const { bytes } = this;
    let to = this.#at;
    let value = this.#count * this.#columns;
    let isNull = false;
    for (let at = 0; at < row.length; at += 1) {
      const byte = row[at]!;
      if (byte === tab || byte === newline) {
        this.#ends[value] = isNull ? nullOf(to) : to;
        value += 1;
        to += 1;
        isNull = false;
      } else if (byte !== backslash) {
        bytes[to] = byte;
        to += 1;
      } else {
        at += 1;
        const letter = row[at]!;
        if (letter === capitalN) isNull = true;
        else {
          bytes[to] = escaped[letter] === 0 ? letter : escaped[letter]!;
          to += 1;
        }
      }
    }
    this.#at = to;
    return value - this.#count * this.#columns;
  }

  /** Puts the offsets of a row into the tuple. */
  read(row: number, tuple: Tuple): void {
    let at = this.#startOf(row);
    const first = row * this.#columns;
    for (let i = 0; i < this.#columns; i += 1) {
      const end = this.#ends[first + i]!;
      tuple.start[i] = at;
      tuple.kind[i] = end < 0 ? Value.null : Value.text;
      tuple.end[i] = end < 0 ? at : end;
      at = tuple.end[i]! + 1;
    }
    tuple.count = this.#columns;
  }

  /** Bytes of one row. */
  lengthOf(row: number): number {
    return this.#startOf(row + 1) - this.#startOf(row);
  }

  #startOf(row: number): number {
    if (row === 0) return 0;
    const end = this.#ends[row * this.#columns - 1]!;
    return (end < 0 ? nullOf(end) : end) + 1;
  }

  /** A row that has more values than it should is still to be counted: each has a separator. */
  #reserve(length: number): void {
    const values = this.#count * this.#columns + length;
    if (values > this.#ends.length) {
      const ends = new Int32Array(Math.max(this.#ends.length * 2, values));
      ends.set(this.#ends);
      this.#ends = ends;
    }
    if (this.#at + length <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.#at + length));
    this.bytes.copy(grown, 0, 0, this.#at);
    this.bytes = grown;
  }
}
