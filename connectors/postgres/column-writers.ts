/**
 * Writes a column's text, as the server printed it, in the Avro form of its type. One writer is chosen per column when a relation is compiled;
 * what it gets wrong is wrong in every row of the column, so each is held against avsc and against PostgreSQL's own text in tests.
 *
 * Source: schemas/postgres-types.ts for the choice of forms.
 */
import type { AvroWriter } from "../../schemas/avro-bytes.ts";
import type { AvroForm } from "../../schemas/postgres-types.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";

/** Writes the value whose text is source[start, end). Room for end - start + 12 bytes was reserved. */
export type ColumnWriter = (writer: AvroWriter, source: Buffer, start: number, end: number) => void;

export const columnWriters: Readonly<Record<AvroForm, ColumnWriter>> = {
  boolean: (writer, source, start) => writer.byte(source[start] === 0x74 ? 1 : 0),
  int: (writer, source, start, end) => writer.long(integer(source, start, end)),
  // 15 digits and a sign are exact in a double; longer ones are rare enough for a bigint.
  long: (writer, source, start, end) => {
    if (end - start <= 15) writer.long(integer(source, start, end));
    else writer.bigLong(BigInt(source.toString("latin1", start, end)));
  },
  float: (writer, source, start, end) => writer.float(single(decimal(source, start, end))),
  double: (writer, source, start, end) => writer.double(decimal(source, start, end)),
  bytes: hexBytes,
  string: (writer, source, start, end) => writer.slice(source, start, end),
};

function integer(source: Buffer, start: number, end: number): number {
  let at = start;
  const negative = source[at] === 0x2d;
  if (negative) at += 1;
  let value = 0;
  for (; at < end; at += 1) value = value * 10 + source[at]! - 0x30;
  return negative ? -value : value;
}

/** Powers of ten that a double has exactly. */
const tens = Float64Array.from({ length: 16 }, (_, exponent) => Number(`1e${exponent}`));

/**
 * A decimal number without a string for it, as far as a double has its digits and its power of ten exactly: their quotient is then rounded once, as it should be.
 *
 * Source: W. D. Clinger, "How to Read Floating Point Numbers Accurately", 1990.
 */
function decimal(source: Buffer, start: number, end: number): number {
  let at = start;
  const negative = source[at] === 0x2d;
  if (negative) at += 1;
  let digits = 0;
  let fraction = end;
  let isPlain = end - at <= 15;
  for (; isPlain && at < end; at += 1) {
    const byte = source[at]!;
    if (byte >= 0x30 && byte <= 0x39) digits = digits * 10 + byte - 0x30;
    else if (byte === 0x2e) fraction = at + 1;
    else isPlain = false;
  }
  if (!isPlain) return Number(source.toString("latin1", start, end));
  const value = digits / tens[end - fraction]!;
  return negative ? -value : value;
}

/**
 * Text to double to float rounds twice. Of all texts that PostgreSQL prints for a float4 that matters for one, and its negative: the double nearest to
 * 7.038531e-26 lies just in the middle between two floats, and the even one of them is the wrong one.
 */
function single(value: number): number {
  if (value === 7.038531e-26) return 7.038530691851209e-26;
  return value === -7.038531e-26 ? -7.038530691851209e-26 : value;
}

const nibble = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit += 1) nibble[digit.toString(16).charCodeAt(0)] = digit;

/** bytea_output = hex: `\x` and two digits a byte. */
function hexBytes(writer: AvroWriter, source: Buffer, start: number, end: number): void {
  if (source[start] !== 0x5c || source[start + 1] !== 0x78 || (end - start) % 2 !== 0)
    throw new OfftakeError("PGOUTPUT_MALFORMED", "A bytea value does not come in hexadecimal: the session's bytea_output was overridden.");
  writer.long((end - start - 2) / 2);
  const { bytes } = writer;
  let to = writer.at;
  for (let at = start + 2; at < end; at += 2) {
    bytes[to] = (nibble[source[at]!]! << 4) | nibble[source[at + 1]!]!;
    to += 1;
  }
  writer.at = to;
}
