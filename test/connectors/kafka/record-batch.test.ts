import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Compression, compressionCodes, mostContentBytes } from "../../../connectors/kafka/compression.ts";
import { RecordBatchReader, RecordBatchWriter } from "../../../connectors/kafka/record-batch.ts";
import { crc32c, parseBatch } from "../../support/record-batch-model.ts";
import { batchOf, type PlainRecord, readRecords } from "./plain-records.ts";

const bytes = (maxLength: number): fc.Arbitrary<Buffer> => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

/** Mostly small; now and then of a size at which a length needs one byte more. */
const sized = fc.oneof(
  { weight: 9, arbitrary: bytes(40) },
  { weight: 1, arbitrary: fc.constantFrom(62, 63, 64, 8190, 8191, 8192, 8193, 70_000).map((length) => Buffer.alloc(length, 7)) },
);
const record: fc.Arbitrary<PlainRecord> = fc.record({ key: fc.option(sized), value: sized });
const records = fc.array(record, { minLength: 1, maxLength: 60 });
const compression = fc.constantFrom<Compression>("none", "lz4", "zstd");

/** A batch with some of its bytes exchanged and its checksum right again, as a faulty producer would write it. */
function resealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

/** Small numbers that are not negative. */
function varints(...values: number[]): Buffer {
  return Buffer.from(values.map((value) => value * 2));
}

function codeOf(response: Buffer): string {
  try {
    readRecords(response);
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
  return "read";
}

describe("RecordBatchWriter", () => {
  test("writes what the documentation describes, whatever the records and the room it begins with", () => {
    fc.assert(
      fc.property(records, compression, fc.integer({ min: 61, max: 2000 }), fc.nat(0x7fff_ffff), (given, method, capacity, sequence) => {
        const batch = parseBatch(batchOf(given, { compression: method, capacity, producerId: 77n, epoch: 3, sequence }));
        expect(batch).toMatchObject({
          baseOffset: 0n,
          leaderEpoch: -1,
          attributes: compressionCodes[method],
          lastOffsetDelta: given.length - 1,
          producerId: 77n,
          producerEpoch: 3,
          baseSequence: sequence,
        });
        expect(batch.baseTimestamp).toBe(batch.maxTimestamp);
        expect(Number(batch.baseTimestamp)).toBeGreaterThan(Date.UTC(2026, 0));
        expect(batch.records).toEqual(given.map(({ key, value }, i) => ({ offset: BigInt(i), key, value, headers: [] })));
      }),
    );
  });

  test("can be filled again after a reset, and keeps nothing of before", () => {
    const writer = new RecordBatchWriter("none", 100);
    batchOf([{ key: Buffer.alloc(300), value: Buffer.alloc(9000) }], { writer });
    writer.reset();
    const again = parseBatch(batchOf([{ key: null, value: Buffer.from("a") }], { writer, sequence: 5 }));
    expect(again.records).toEqual([{ offset: 0n, key: null, value: Buffer.from("a"), headers: [] }]);
    expect(again.baseSequence).toBe(5);
  });

  test("says how many bytes it has", () => {
    const writer = new RecordBatchWriter("none", 4096);
    expect(writer.length).toBe(61);
    const closed = batchOf([{ key: null, value: Buffer.alloc(100) }], { writer });
    expect(writer.length).toBe(closed.length);
  });
});

describe("RecordBatchReader", () => {
  test("finds the records of several batches of any compression, each where it lies", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(records, compression), { minLength: 1, maxLength: 4 }), (batches) => {
        let next = 1000;
        const expected: { offset: number; key: string | null; value: string | null }[] = [];
        const response = batches.map(([given, method]) => {
          const batch = batchOf(given, { compression: method });
          batch.writeBigInt64BE(BigInt(next), 0);
          expected.push(...given.map(({ key, value }, i) => ({ offset: next + i, key: key?.toString("hex") ?? null, value: value.toString("hex") })));
          next += given.length;
          return batch;
        });
        expect(readRecords(Buffer.concat(response))).toEqual(expected);
      }),
    );
  });

  test("passes over a part of a batch at the end, wherever it is cut", () => {
    const first = batchOf([{ key: Buffer.from("k"), value: Buffer.from("first") }]);
    const second = batchOf([{ key: null, value: Buffer.from("second") }]);
    second.writeBigInt64BE(1n, 0);
    const response = Buffer.concat([first, second]);
    for (let length = first.length; length < response.length; length += 1) expect(readRecords(response.subarray(0, length))).toHaveLength(1);
    expect(readRecords(response)).toHaveLength(2);
  });

  test("refuses a first batch of which the end is missing: brokers send it whole", () => {
    const batch = batchOf([{ key: null, value: Buffer.from("value") }]);
    for (let length = 1; length < batch.length; length += 1) expect(codeOf(batch.subarray(0, length))).toBe("KAFKA_BATCH_DAMAGED");
    expect(codeOf(Buffer.alloc(0))).toBe("read");
  });

  test("finds any damage behind the leader's epoch by the checksum, and any length that cannot be", () => {
    fc.assert(
      fc.property(records, compression, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, method, where, change) => {
        const batch = batchOf(given, { compression: method });
        // The base offset and the leader's epoch are the broker's own; everything else is ours.
        const at = 16 + (where % (batch.length - 16));
        batch[at] = batch[at]! ^ change;
        expect(codeOf(batch)).toBe("KAFKA_BATCH_DAMAGED");
      }),
    );
    for (const length of [0, 48, -1, -0x8000_0000, 0x7fff_ffff]) {
      const batch = batchOf([{ key: null, value: Buffer.from("value") }]);
      batch.writeInt32BE(length, 8);
      expect(codeOf(batch)).toBe("KAFKA_BATCH_DAMAGED");
    }
  });

  test("makes of any content under a right checksum records or KAFKA_BATCH_DAMAGED", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(records, compression, damage, (given, method, changes) => {
        const batch = batchOf(given, { compression: method });
        // Beyond the attributes: their compression is not in every batch of random bytes.
        for (const [where, value] of changes) batch[23 + (where % (batch.length - 23))] = value;
        expect(codeOf(resealed(batch))).toMatch(/^(read|KAFKA_BATCH_DAMAGED)$/);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["fewer records than the batch holds", 1],
    ["more records than the batch holds", 3],
    ["a negative number of them", -1],
  ])("refuses a batch that counts %s", (_, count) => {
    const batch = batchOf([
      { key: null, value: Buffer.from("a") },
      { key: null, value: Buffer.from("b") },
    ]);
    batch.writeInt32BE(count, 57);
    expect(codeOf(resealed(batch))).toBe("KAFKA_BATCH_DAMAGED");
  });

  test("refuses a compression that Kafka does not have, and bytes that are not of the one they name", () => {
    for (const code of [1, 2, 3, 4, 5, 6, 7]) {
      const batch = batchOf([{ key: null, value: Buffer.from("value") }]);
      batch.writeInt16BE(code, 21);
      expect(codeOf(resealed(batch))).toBe("KAFKA_BATCH_DAMAGED");
    }
  });

  test("refuses a batch that holds more than any may, before there is memory for it", () => {
    const batch = Buffer.concat([batchOf([{ key: null, value: Buffer.from("") }]).subarray(0, 61), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])]);
    batch.writeInt32BE(batch.length - 12, 8);
    batch.writeInt16BE(2, 21);
    expect(() => readRecords(resealed(batch))).toThrow(
      `The record batch at offset 0 has bytes that cannot be decompressed (2): a content of 4294967295 bytes, where ${mostContentBytes} may be.`,
    );
  });

  test("refuses a format older than Kafka 0.11", () => {
    const batch = batchOf([{ key: null, value: Buffer.from("value") }]);
    batch[16] = 1;
    expect(codeOf(batch)).toBe("KAFKA_BATCH_DAMAGED");
  });

  test("passes over a batch that compaction has emptied, and goes on behind it", () => {
    const empty = batchOf([{ key: null, value: Buffer.from("gone") }]).subarray(0, 61);
    empty.writeInt32BE(49, 8);
    empty.writeInt32BE(0, 57);
    empty.writeInt32BE(9, 23);
    const next = batchOf([{ key: null, value: Buffer.from("next") }]);
    next.writeBigInt64BE(10n, 0);
    const reader = new RecordBatchReader().over(Buffer.concat([resealed(empty), next]));
    expect(reader.next()).toBe(true);
    expect(reader.offset).toBe(10);
    expect(reader.next()).toBe(false);
    expect(reader.nextOffset).toBe(11);
  });

  test("passes over headers of other producers", () => {
    const header = Buffer.concat([varints(1), Buffer.from("h"), varints(2), Buffer.from("xy")]);
    const body = Buffer.concat([Buffer.from([0]), varints(0, 0), Buffer.from([1]), varints(5), Buffer.from("value"), varints(1), header]);
    const batch = Buffer.concat([batchOf([{ key: null, value: Buffer.from("") }]).subarray(0, 61), varints(body.length), body]);
    batch.writeInt32BE(batch.length - 12, 8);
    expect(readRecords(resealed(batch))).toEqual([{ offset: 0, key: null, value: Buffer.from("value").toString("hex") }]);
  });
});
