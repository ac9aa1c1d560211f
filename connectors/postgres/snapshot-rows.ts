/**
 * The rows of one chunk, as COPY prints them, in the form in which the encoder takes rows: offsets into bytes. They are kept until the stream has come far
 * enough, so they are unescaped once, as they come, into one buffer.
 *
 *     Data     Row*
 *     Row      Value (tab Value)* newline
 *     Value    `\N` for NULL, or text in which backslash, backspace, tab, newline, vertical tab, form feed and carriage return have a backslash before them
 *     Kept     (length:int32 byte*)* for each row, length -1 for NULL
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

export class SnapshotRows {
  bytes: Buffer = Buffer.allocUnsafe(64 << 10);
  readonly #columns: number;
  /** Where each row begins. */
  readonly #starts: number[] = [];
  #at = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  get count(): number {
    return this.#starts.length;
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
    this.#reserve(row.length + 4 * this.#columns);
    this.#starts.push(this.#at);
    const { bytes } = this;
    let to = this.#at + 4;
    let start = to;
    let fields = 0;
    for (let at = 0; at < row.length; at += 1) {
      const byte = row[at]!;
      if (byte === tab || byte === newline) {
        bytes.writeInt32BE(to - start, start - 4);
        fields += 1;
        start = to + 4;
        to = start;
      } else if (byte !== backslash) {
        bytes[to] = byte;
        to += 1;
      } else if (row[at + 1] === capitalN) {
        // NULL stands alone, so its end is the next byte.
        bytes.writeInt32BE(-1, start - 4);
        at += 2;
        fields += 1;
        start += 4;
        to = start;
      } else {
        at += 1;
        const letter = row[at]!;
        bytes[to] = escaped[letter] === 0 ? letter : escaped[letter]!;
        to += 1;
      }
    }
    if (fields !== this.#columns) throw new OfftakeError("INTERNAL", `A row of COPY has ${fields} values instead of ${this.#columns}.`);
    this.#at = to - 4;
  }

  /** Puts the offsets of a row into the tuple. */
  read(row: number, tuple: Tuple): void {
    const { bytes } = this;
    let at = this.#starts[row]!;
    for (let i = 0; i < this.#columns; i += 1) {
      const length = bytes.readInt32BE(at);
      at += 4;
      tuple.kind[i] = length === -1 ? Value.null : Value.text;
      if (length === -1) continue;
      tuple.start[i] = at;
      at += length;
      tuple.end[i] = at;
    }
    tuple.count = this.#columns;
  }

  /** Bytes of one row. */
  lengthOf(row: number): number {
    return (this.#starts[row + 1] ?? this.#at) - this.#starts[row]!;
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.#at + length));
    this.bytes.copy(grown, 0, 0, this.#at);
    this.bytes = grown;
  }
}
