/**
 * Kafka's record batch, format version 2: written from the row plan straight into one buffer, read in place from a fetch response. The broker
 * stores these bytes as they are, so a wrong count or length here is a topic that nobody can read.
 *
 *     RecordBatch   base_offset:int64 length:int32 leader_epoch:int32 magic:int8=2 crc:uint32 attributes:int16 last_offset_delta:int32
 *                   base_timestamp:int64 max_timestamp:int64 producer_id:int64 producer_epoch:int16 base_sequence:int32 count:int32 Record*
 *     Record        length:varint attributes:int8 timestamp_delta:varlong offset_delta:varint
 *                   key_length:varint byte* value_length:varint byte* headers:varint Header*
 *     Header        name_length:varint byte* value_length:varint byte*
 *
 * `length` counts from leader_epoch. The CRC32C covers everything from attributes. Attributes: bits 0 to 2 compression (0 none, 1 gzip,
 * 2 snappy, 3 lz4, 4 zstd), 3 timestamps are the broker's, 4 transactional, 5 control. Varints are zigzag, as in Avro. A length of -1 is null.
 *
 * Source: Apache Kafka documentation, "Message Format".
 */
import { crc32c } from "@node-rs/crc32";
import { AvroCursor, AvroWriter } from "../../schemas/avro-bytes.ts";
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import { compress, decompress, type Compression, compressionCodes } from "./compression.ts";

const headerLength = 61;

/** A batch with this many bytes is full: it goes before another record is begun. So a batch holds less than this, and one record of any size. */
export const fullBatchBytes = 1 << 20;

const at = {
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
} as const;

/** Headers, as RecordBatchWriter.end() takes them: lengths and texts are laid out as Avro's. */
export function headersOf(entries: readonly (readonly [name: string, value: string])[]): Buffer {
  const writer = new AvroWriter(entries.reduce((sum, [name, value]) => sum + 16 + 3 * (name.length + value.length), 16));
  writer.long(entries.length);
  for (const [name, value] of entries) {
    writer.string(name);
    writer.string(value);
  }
  return writer.bytes.subarray(0, writer.at);
}

/** A batch that is being filled. Everything a record holds is written through `writer`, between the calls below. */
export class RecordBatchWriter {
  readonly writer: AvroWriter;
  /** Records so far. */
  count = 0;

  readonly #compression: Compression;
  #timestamp = 0;
  #record = 0;
  #value = 0;
  // The bytes that the last lengths took: the next ones will most likely take as many, and then nothing has to move.
  #recordVarint = 2;
  #valueVarint = 2;

  constructor(compression: Compression, capacity: number) {
    this.#compression = compression;
    this.writer = new AvroWriter(capacity);
    this.writer.at = headerLength;
  }

  /** Begins again with nothing; the bytes that close() gave must not be needed any more. */
  reset(): void {
    this.writer.at = headerLength;
    this.count = 0;
  }

  /** Bytes so far, uncompressed. */
  get length(): number {
    return this.writer.at;
  }

  /** Begins a record, up to its key's length. Room for the whole record must have been reserved, and 32 bytes more. */
  begin(): void {
    const { writer } = this;
    if (this.count === 0) this.#timestamp = Date.now();
    this.#record = writer.at;
    writer.at += this.#recordVarint;
    writer.byte(0); // attributes
    writer.byte(0); // timestamp delta: one timestamp a batch
    writer.long(this.count);
  }

  /** The record's key is null. */
  nullKey(): void {
    this.writer.byte(1);
  }

  /** Begins the value; endValue() puts its length in front. */
  beginValue(): void {
    this.#value = this.writer.at;
    this.writer.at += this.#valueVarint;
  }

  endValue(): void {
    this.#valueVarint = this.writer.lengthInFront(this.#value, this.#valueVarint);
  }

  /**
   * @param headers their count and bytes; without, it has none
   * @returns where the record ends
   */
  end(headers?: Buffer): number {
    if (headers === undefined) this.writer.byte(0);
    else this.writer.raw(headers, 0, headers.length);
    this.#recordVarint = this.writer.lengthInFront(this.#record, this.#recordVarint);
    this.count += 1;
    return this.writer.at;
  }

  /**
   * Ends the batch and gives its bytes, which are the writer's own: it must not be used before they are no longer needed.
   *
   * @param baseSequence of the idempotent producer: counts records, wraps after 2^31 - 1
   */
  close(producerId: bigint, producerEpoch: number, baseSequence: number): Buffer {
    let bytes = this.writer.bytes.subarray(0, this.writer.at);
    if (this.#compression !== "none")
      bytes = Buffer.concat([bytes.subarray(0, headerLength), compress(this.#compression, bytes.subarray(headerLength))]);
    bytes.writeBigInt64BE(0n, 0);
    bytes.writeInt32BE(bytes.length - at.leaderEpoch, at.length);
    bytes.writeInt32BE(-1, at.leaderEpoch);
    bytes[at.magic] = 2;
    bytes.writeInt16BE(compressionCodes[this.#compression], at.attributes);
    bytes.writeInt32BE(this.count - 1, at.lastOffsetDelta);
    bytes.writeBigInt64BE(BigInt(this.#timestamp), at.baseTimestamp);
    bytes.writeBigInt64BE(BigInt(this.#timestamp), at.maxTimestamp);
    bytes.writeBigInt64BE(producerId, at.producerId);
    bytes.writeInt16BE(producerEpoch, at.producerEpoch);
    bytes.writeInt32BE(baseSequence, at.baseSequence);
    bytes.writeInt32BE(this.count, at.count);
    bytes.writeUInt32BE(crc32c(bytes.subarray(at.attributes)), at.crc);
    return bytes;
  }
}

/** Reads the records of a fetch response, one after the other, as offsets into `bytes`. */
export class RecordBatchReader {
  /** The bytes that key and value lie in: the fetch response's own, or those of one decompressed batch. */
  bytes: Buffer = Buffer.alloc(0);
  /** The record that next() found. keyStart is -1 for a null key, valueStart for a null value. */
  offset = 0;
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** Of the batch it lies in. */
  producerId = -1n;
  transactional = false;
  control = false;
  timestamp = 0;

  #response: Buffer = Buffer.alloc(0);
  #nextBatch = 0;
  #end = 0;
  #baseOffset = 0;
  #left = 0;
  readonly #cursor = new AvroCursor();

  /** @param response whole batches and at the end perhaps a part of one, which is passed over; the first is whole, however large it is */
  over(response: Buffer): this {
    this.#response = response;
    this.#nextBatch = 0;
    this.#end = response.length;
    this.#left = 0;
    this.nextOffset = 0;
    return this;
  }

  /**
   * Finds the next record, of control batches too.
   *
   * @returns false after the last whole batch
   * @throws OfftakeError KAFKA_BATCH_DAMAGED when a checksum or a length is wrong
   */
  next(): boolean {
    while (this.#left === 0) if (!this.#batch()) return false;
    this.#left -= 1;
    try {
      this.#record(this.#cursor);
    } catch (error) {
      throw damaged(this.#baseOffset, "a record that cannot be read", error);
    }
    return true;
  }

  #record(cursor: AvroCursor): void {
    const length = cursor.long();
    const start = cursor.at;
    cursor.skip(1);
    cursor.skipLong();
    this.offset = this.#baseOffset + cursor.long();
    const keyLength = cursor.long();
    this.keyStart = keyLength < 0 ? -1 : cursor.at;
    if (keyLength > 0) cursor.skip(keyLength);
    this.keyEnd = cursor.at;
    const valueLength = cursor.long();
    this.valueStart = valueLength < 0 ? -1 : cursor.at;
    if (valueLength > 0) cursor.skip(valueLength);
    this.valueEnd = cursor.at;
    // Only -1 is null: any other would pass for it, and the bytes that it stands before for something else.
    if (keyLength < -1 || valueLength < -1) throw new Error(`lengths of ${keyLength} and ${valueLength} bytes`);
    // Passes over headers: Offtake's own are for other readers.
    cursor.skip(start + length - cursor.at);
    if (this.#left === 0 && cursor.at !== cursor.end) throw new Error(`${cursor.end - cursor.at} bytes behind the last record`);
  }

  /** The offset after the batches of the response that were read. 0 before the first. */
  nextOffset = 0;

  #batch(): boolean {
    const response = this.#response;
    const start = this.#nextBatch;
    const left = this.#end - start;
    const length = left < headerLength ? headerLength : at.leaderEpoch + response.readInt32BE(start + at.length);
    if (length > left) {
      // Brokers send the first batch whole. Passed over, a part of it would be asked for again for ever.
      if (start === 0 && left > 0) throw damaged(0, `${left} bytes instead of ${length}`);
      return false;
    }
    const end = start + length;
    this.#baseOffset = Number(response.readBigInt64BE(start));
    // The checksum does not cover it, and beyond 2^53 two offsets would be one.
    if (this.#baseOffset < 0 || this.#baseOffset > Number.MAX_SAFE_INTEGER) throw damaged(this.#baseOffset, "an offset that no topic has");
    if (length < headerLength) throw damaged(this.#baseOffset, `a length of ${length}`);
    const magic = response[start + at.magic];
    if (magic !== 2) throw damaged(this.#baseOffset, `the format version ${magic}, older than Kafka 0.11`);
    if (crc32c(response.subarray(start + at.attributes, end)) !== response.readUInt32BE(start + at.crc))
      throw damaged(this.#baseOffset, "a wrong checksum");
    const attributes = response.readInt16BE(start + at.attributes);
    this.transactional = (attributes & 0x10) !== 0;
    this.control = (attributes & 0x20) !== 0;
    this.timestamp = Number(response.readBigInt64BE(start + at.maxTimestamp));
    this.producerId = response.readBigInt64BE(start + at.producerId);
    this.nextOffset = this.#baseOffset + response.readInt32BE(start + at.lastOffsetDelta) + 1;
    this.#left = response.readInt32BE(start + at.count);
    this.#nextBatch = end;
    if ((attributes & 7) === 0) {
      this.bytes = response;
      this.#cursor.over(response, start + headerLength, end);
    } else {
      this.bytes = decompressed(attributes & 7, response.subarray(start + headerLength, end), this.#baseOffset);
      this.#cursor.over(this.bytes, 0, this.bytes.length);
    }
    return true;
  }
}

function decompressed(code: number, bytes: Buffer, offset: number): Buffer {
  try {
    return decompress(code, bytes);
  } catch (error) {
    throw damaged(offset, `bytes that cannot be decompressed (${code}): ${messageOf(error)}`, error);
  }
}

function damaged(offset: number, what: string, cause?: unknown): OfftakeError {
  return new OfftakeError("KAFKA_BATCH_DAMAGED", `The record batch at offset ${offset} has ${what}.`, { cause });
}
