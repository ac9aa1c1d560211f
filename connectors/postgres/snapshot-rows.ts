/**
 * The rows of one chunk, as COPY prints them, in the form in which the encoder takes rows: offsets into bytes. They are kept until the stream has come far
 * enough, in the bytes that the socket gave: a text without its backslashes is never longer, so it is unescaped in its place.
 *
 *     Bytes    Message*
 *     Message  kind:byte length:int32 body        (the length counts itself; a message may be split anywhere, also inside its length)
 *     Body     Row, where the kind is `d`: COPY sends each row as one message
 *     Row      Value (tab Value)* newline
 *     Value    `\N` for NULL, or text in which backslash, backspace, tab, newline, vertical tab, form feed and carriage return have a backslash before them
 *
 * An escape that is read wrongly is a wrong value at the target: tests put every byte through it.
 *
 * Source: PostgreSQL documentation, "Message Formats", CopyData; "COPY", File Formats, Text Format.
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import { type Tuple, Value } from "./pgoutput.ts";

const copyData = 0x64;
const headBytes = 5;

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
  #columns = 0;
  #count = 0;
  /** Where each row begins. */
  #starts = new Int32Array(1024);
  /** Where each value ends, and whether it is one. */
  #ends = new Int32Array(1024);
  /** Behind the last whole message, and behind the last byte. */
  #at = 0;
  #to = 0;

  /** What was in it is no longer. */
  begin(columns: number): void {
    this.#columns = columns;
    this.#count = 0;
    this.#at = 0;
    this.#to = 0;
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes that are kept. */
  get size(): number {
    return this.#at;
  }

  /**
   * @param chunk what the server sends, from the beginning of a message on
   * @param other gets each message that is no row, valid until it returns
   * @throws OfftakeError INTERNAL for a row that has not the columns that were asked for, PGOUTPUT_MALFORMED for a length that cannot be
   */
  push(chunk: Buffer, other: (message: Buffer) => void): void {
    this.#reserve(chunk.length);
    chunk.copy(this.bytes, this.#to);
    this.#to += chunk.length;
    const { bytes } = this;
    while (this.#to - this.#at >= headBytes) {
      const at = this.#at;
      const length = bytes.readInt32BE(at + 1);
      if (length < headBytes - 1) throw new OfftakeError("PGOUTPUT_MALFORMED", `The server sends a message of ${length} bytes.`);
      const end = at + 1 + length;
      if (end > this.#to) return;
      this.#at = end;
      if (bytes[at] === copyData) this.#row(at + headBytes, end);
      else other(bytes.subarray(at, end));
    }
  }

  #row(start: number, end: number): void {
    const { bytes } = this;
    const columns = this.#columns;
    if (this.#count === this.#starts.length) this.#starts = doubled(this.#starts);
    while ((this.#count + 1) * columns > this.#ends.length) this.#ends = doubled(this.#ends);
    const first = this.#count * columns;
    const ends = this.#ends;
    this.#starts[this.#count] = start;
    let value = 0;
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at]!;
      if (byte > backslash) continue;
      if (byte === tab || byte === newline) {
        if (value < columns) ends[first + value] = at;
        value += 1;
      } else if (byte === backslash) {
        value = this.#unescape(at, end, value);
        break;
      }
    }
    if (value !== columns) throw new OfftakeError("INTERNAL", `A row of COPY has ${value} values instead of ${columns}.`);
    this.#count += 1;
  }

  /** The rest of a row, from its first backslash on. @returns how many values the row has */
  #unescape(from: number, end: number, before: number): number {
    const { bytes } = this;
    const columns = this.#columns;
    const first = this.#count * columns;
    let to = from;
    let value = before;
    let isNull = false;
    for (let at = from; at < end; at += 1) {
      const byte = bytes[at]!;
      if (byte === tab || byte === newline) {
        if (value < columns) this.#ends[first + value] = isNull ? nullOf(to) : to;
        value += 1;
        to += 1;
        isNull = false;
      } else if (byte !== backslash) {
        bytes[to] = byte;
        to += 1;
      } else {
        at += 1;
        const letter = bytes[at]!;
        if (letter === capitalN) isNull = true;
        else {
          bytes[to] = escaped[letter] === 0 ? letter : escaped[letter]!;
          to += 1;
        }
      }
    }
    return value;
  }

  /** Puts the offsets of a row into the tuple. */
  read(row: number, tuple: Tuple): void {
    let at = this.#starts[row]!;
    const first = row * this.#columns;
    for (let i = 0; i < this.#columns; i += 1) {
      const end = this.#ends[first + i]!;
      const isNull = end < 0;
      tuple.start[i] = at;
      tuple.kind[i] = isNull ? Value.null : Value.text;
      tuple.end[i] = isNull ? at : end;
      at = (isNull ? nullOf(end) : end) + 1;
    }
    tuple.count = this.#columns;
  }

  #reserve(length: number): void {
    if (this.#to + length <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.#to + length));
    this.bytes.copy(grown, 0, 0, this.#to);
    this.bytes = grown;
  }
}

function doubled(numbers: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const more = new Int32Array(numbers.length * 2);
  more.set(numbers);
  return more;
}
