/**
 * Debezium's `source.sequence`: the commit's and the change's LSN in decimal, as a JSON array of texts. It stands in every event, so it is written digit by
 * digit: a string for each row would be an allocation for each row.
 *
 * Source: Debezium documentation, "Debezium connector for PostgreSQL", Data change events.
 */
import type { AvroWriter } from "../../schemas/avro-bytes.ts";

const billion = 1_000_000_000;

/**
 * Appends it, with its length. Up to 50 bytes, for which room was reserved.
 *
 * @param commit the commit's LSN in decimal
 * @param high with low, the LSN of the change in two words
 */
export function debeziumSequence(writer: AvroWriter, commit: Buffer, high: number, low: number): void {
  // The length takes one byte below 64, and two numbers of at most 20 digits stay below it.
  const lengthAt = writer.at;
  writer.at += 1;
  writer.byte(0x5b);
  writer.byte(0x22);
  writer.raw(commit, 0, commit.length);
  writer.byte(0x22);
  writer.byte(0x2c);
  writer.byte(0x22);
  decimal(writer, high, low);
  writer.byte(0x22);
  writer.byte(0x5d);
  writer.bytes[lengthAt] = (writer.at - lengthAt - 1) << 1;
}

function decimal(writer: AvroWriter, high: number, low: number): void {
  // Beyond 2^53 a number is not exact.
  if (high >= 0x20_0000) {
    const text = Buffer.from(String((BigInt(high) << 32n) | BigInt(low)), "latin1");
    writer.raw(text, 0, text.length);
    return;
  }
  const value = high * 0x1_0000_0000 + low;
  if (value < billion) {
    digits(writer, value, width(value));
    return;
  }
  // In two numbers of 32 bits: their division is a multiplication, that of a double is a call.
  const billions = Math.floor(value / billion);
  digits(writer, billions, width(billions));
  digits(writer, value - billions * billion, 9);
}

function width(value: number): number {
  let count = 1;
  for (let bound = 10; bound <= value; bound *= 10) count += 1;
  return count;
}

/** @param value below 2^31 */
function digits(writer: AvroWriter, value: number, count: number): void {
  const { bytes } = writer;
  let left = value | 0;
  for (let at = writer.at + count - 1; at >= writer.at; at -= 1) {
    const rest = (left / 10) | 0;
    bytes[at] = 0x30 + left - rest * 10;
    left = rest;
  }
  writer.at += count;
}
