/**
 * Kafka's record batches, format version 2, taken apart slowly and plainly, as its documentation describes them: what our own codec is held against.
 *
 * Source: Apache Kafka documentation, "Message Format".
 */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { lz4Model, snappyModel } from "./decompression-model.ts";

export interface ModelBatch {
  readonly baseOffset: bigint;
  readonly leaderEpoch: number;
  readonly crc: number;
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: bigint;
  readonly maxTimestamp: bigint;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly records: readonly ModelRecord[];
}

export interface ModelRecord {
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** name=value */
  readonly headers: readonly string[];
}

/**
 * @param headers whether they are read, or passed over by the length of their record
 * @throws when a length, a count or the checksum does not fit
 */
export function parseBatch(bytes: Buffer, headers: "read" | "passed over" = "read"): ModelBatch {
  const length = bytes.readInt32BE(8);
  if (length !== bytes.length - 12) throw new Error(`the batch says ${length} bytes and has ${bytes.length - 12}`);
  if (bytes[16] !== 2) throw new Error(`magic ${bytes[16]}`);
  const crc = bytes.readUInt32BE(17);
  if (crc !== crc32c(bytes.subarray(21))) throw new Error("a wrong checksum");
  const attributes = bytes.readInt16BE(21);
  const baseOffset = bytes.readBigInt64BE(0);
  const count = bytes.readInt32BE(57);
  const reader = new Varints(decompressed(attributes & 7, bytes.subarray(61)));
  const records = Array.from({ length: count }, () => record(reader, baseOffset, headers));
  if (reader.at !== reader.bytes.length) throw new Error(`${reader.bytes.length - reader.at} bytes behind the last record`);
  return {
    baseOffset,
    leaderEpoch: bytes.readInt32BE(12),
    crc,
    attributes,
    lastOffsetDelta: bytes.readInt32BE(23),
    baseTimestamp: bytes.readBigInt64BE(27),
    maxTimestamp: bytes.readBigInt64BE(35),
    producerId: bytes.readBigInt64BE(43),
    producerEpoch: bytes.readInt16BE(51),
    baseSequence: bytes.readInt32BE(53),
    records,
  };
}

function record(reader: Varints, baseOffset: bigint, which: "read" | "passed over"): ModelRecord {
  const length = Number(reader.varint());
  const start = reader.at;
  reader.raw(1);
  reader.varint(); // timestamp delta
  const offset = baseOffset + reader.varint();
  const key = reader.nullableBytes();
  const value = reader.nullableBytes();
  if (which === "passed over") {
    reader.raw(length - (reader.at - start));
    return { offset, key, value, headers: [] };
  }
  const headers = Array.from({ length: Number(reader.varint()) }, () => {
    const name = String(reader.nullableBytes());
    return `${name}=${String(reader.nullableBytes())}`;
  });
  if (reader.at - start !== length) throw new Error(`a record says ${length} bytes and has ${reader.at - start}`);
  return { offset, key, value, headers };
}

class Varints {
  at = 0;
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  raw(length: number): Buffer {
    if (length < 0 || this.at + length > this.bytes.length) throw new Error(`${length} bytes where ${this.bytes.length - this.at} are left`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.raw(1)[0]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n);
    }
  }

  nullableBytes(): Buffer | null {
    const length = Number(this.varint());
    return length === -1 ? null : Buffer.from(this.raw(length));
  }
}

function decompressed(code: number, bytes: Buffer): Buffer {
  if (code === 0) return bytes;
  if (code === 1) return gunzipSync(bytes);
  if (code === 2) return snappyModel(bytes);
  if (code === 3) return lz4Model(bytes);
  if (code === 4) return zstdDecompressSync(bytes);
  throw new Error(`there is no compression ${code}`);
}

/** CRC-32C (Castagnoli), bit by bit. */
export function crc32c(bytes: Buffer): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
