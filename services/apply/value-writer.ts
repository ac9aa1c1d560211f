/**
 * A value of an event, from its Avro bytes into the binary form of a PostgreSQL type. Numbers go over in binary, texts as they are; a value becomes a
 * JavaScript string only where the target's column has another type than the source's.
 *
 * Source: PostgreSQL's src/backend/utils/adt, the _recv function of each type; documentation, "Formats and Format Codes".
 */
import { AvroCursor } from "../../schemas/avro-bytes.ts";
import type { AvroForm } from "../../schemas/postgres-types.ts";

/** @returns where it ends; -1 for a text that PostgreSQL does not print for the type, or a number that it does not hold */
export type ValueWriter = (to: Buffer, at: number, bytes: Buffer, start: number, end: number) => number;

const word = 0x1_0000_0000;
const cursor = new AvroCursor();

/** Below this length a loop is faster than the call into the runtime. */
const shortText = 24;

/** text, varchar, bpchar, name, json, and enums, whose binary form is their label. */
export function writeText(to: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length < shortText) for (let i = 0; i < length; i += 1) to[at + i] = bytes[start + i]!;
  else bytes.copy(to, at, start, end);
  return at + length;
}

/** Version 1 of jsonb's binary form is its text. */
export function writeJsonb(to: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  to[at] = 1;
  return writeText(to, at + 1, bytes, start, end);
}

export function writeInt2(to: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  const value = cursor.over(bytes, start, end).long();
  return value >= -0x8000 && value <= 0x7fff ? to.writeInt16BE(value, at) : -1;
}

export function writeInt4(to: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  return to.writeInt32BE(cursor.over(bytes, start, end).long(), at);
}

export function writeInt8(to: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  if (end - start > 7) return to.writeBigInt64BE(cursor.over(bytes, start, end).bigLong(), at);
  return writeWords(to, at, cursor.over(bytes, start, end).long());
}

/** @param value an integer within 2^53 either way, as an int8 */
export function writeWords(to: Buffer, at: number, value: number): number {
  const high = Math.floor(value / word);
  to[at] = high >> 24;
  to[at + 1] = high >> 16;
  to[at + 2] = high >> 8;
  to[at + 3] = high;
  const low = value >>> 0;
  to[at + 4] = low >>> 24;
  to[at + 5] = low >>> 16;
  to[at + 6] = low >>> 8;
  to[at + 7] = low;
  return at + 8;
}

export function writeBoolean(to: Buffer, at: number, bytes: Buffer, start: number): number {
  to[at] = bytes[start]!;
  return at + 1;
}

/** Little endian in Avro, big endian at the server: the bytes turned round, whatever float they are. */
export function writeFloat4(to: Buffer, at: number, bytes: Buffer, start: number): number {
  for (let i = 0; i < 4; i += 1) to[at + i] = bytes[start + 3 - i]!;
  return at + 4;
}

export function writeFloat8(to: Buffer, at: number, bytes: Buffer, start: number): number {
  for (let i = 0; i < 8; i += 1) to[at + i] = bytes[start + 7 - i]!;
  return at + 8;
}

/** Of a number or a boolean, for a column of another type. */
export function writeAsText(form: AvroForm): ValueWriter {
  return (to, at, bytes, start, end) => at + to.write(textOf(bytes, start, end, form), at, "latin1");
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
