/** Records as buffers, written and read with our own codec: for tests that are not about events. */
import type { Compression } from "../../../connectors/kafka/compression.ts";
import { RecordBatchReader, RecordBatchWriter } from "../../../connectors/kafka/record-batch.ts";

export interface PlainRecord {
  readonly key: Buffer | null;
  readonly value: Buffer;
}

export interface BatchOptions {
  readonly compression?: Compression;
  readonly capacity?: number;
  readonly producerId?: bigint;
  readonly epoch?: number;
  readonly sequence?: number;
  /** To be filled, instead of one of its own. */
  readonly writer?: RecordBatchWriter;
}

/** Fills a batch. */
export function fill(batch: RecordBatchWriter, records: readonly PlainRecord[]): RecordBatchWriter {
  const { writer } = batch;
  for (const { key, value } of records) {
    writer.reserve(64 + (key?.length ?? 0) + value.length);
    batch.begin();
    if (key === null) batch.nullKey();
    else writer.slice(key, 0, key.length);
    batch.beginValue();
    writer.raw(value, 0, value.length);
    batch.endValue();
    batch.end();
  }
  return batch;
}

/** A whole batch. Without a producer id it is one of a producer that is not idempotent. */
export function batchOf(records: readonly PlainRecord[], options: BatchOptions = {}): Buffer {
  const { compression = "none", capacity = 4096, producerId = -1n, epoch = -1, sequence = -1 } = options;
  return fill(options.writer ?? new RecordBatchWriter(compression, capacity), records).close(producerId, epoch, sequence);
}

export interface ReadRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

/** All records of a fetch response, keys and values in hexadecimal. */
export function readRecords(response: Buffer): ReadRecord[] {
  const reader = new RecordBatchReader().over(response);
  const found: ReadRecord[] = [];
  while (reader.next()) {
    const { bytes, offset, keyStart, keyEnd, valueStart, valueEnd } = reader;
    found.push({
      offset,
      key: keyStart === -1 ? null : bytes.toString("hex", keyStart, keyEnd),
      value: valueStart === -1 ? null : bytes.toString("hex", valueStart, valueEnd),
    });
  }
  return found;
}
