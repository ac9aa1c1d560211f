/** Our record batches against those of others: what we write they read, what they write we read. The broker takes every batch apart as well. */
import { Producer as PlatformaticProducer } from "@platformatic/kafka";
import kafkajs, { type Kafka, type Transaction } from "kafkajs";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { compress, decompress, type Compression } from "../../../connectors/kafka/compression.ts";
import { uniqueName } from "../../support/databases.ts";
import { freshTopic, testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import type { PlainRecord, ReadRecord } from "./plain-records.ts";
import { readTopic } from "./read-topic.ts";
import { RecordedProducer } from "./recorded-producer.ts";

const cluster = testCluster();
let client: Kafka;

// kafkajs brings gzip only.
for (const [type, method] of [
  [kafkajs.CompressionTypes.LZ4, "lz4"],
  [kafkajs.CompressionTypes.ZSTD, "zstd"],
] as const)
  kafkajs.CompressionCodecs[type] = () => ({
    compress: async (encoder: { buffer: Buffer }) => Promise.resolve(compress(method, encoder.buffer)),
    decompress: async (buffer: Buffer) => Promise.resolve(decompress(method === "lz4" ? 3 : 4, buffer)),
  });

beforeAll(() => {
  client = new kafkajs.Kafka({ brokers: inject("kafka"), logLevel: kafkajs.logLevel.NOTHING });
});

afterAll(async () => {
  await cluster.close();
});

/** All records of a topic, as kafkajs reads them. */
async function readByKafkajs(topic: string, count: number): Promise<ReadRecord[]> {
  const consumer = client.consumer({ groupId: uniqueName("group"), maxBytes: 50 << 20, maxBytesPerPartition: 50 << 20 });
  const found: ReadRecord[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message: { offset, key, value } }) => {
      found.push({ offset: Number(offset), key: key?.toString("hex") ?? null, value: value?.toString("hex") ?? null });
      return Promise.resolve();
    },
  });
  await waitFor(() => found.length >= count, { what: `${count} records` });
  await consumer.disconnect();
  return found;
}

function shown(records: readonly PlainRecord[], from = 0): ReadRecord[] {
  return records.map(({ key, value }, i) => ({ offset: from + i, key: key?.toString("hex") ?? null, value: value.toString("hex") }));
}

/** So that a comparison of megabytes fails with something that can be read. */
const short = (records: readonly ReadRecord[]) =>
  records.map(({ offset, key, value }) => [offset, key?.slice(0, 40), value?.length, value?.slice(-20)]);

const mebibyte = 1 << 20;
const many = (count: number, length: number): PlainRecord[] =>
  Array.from({ length: count }, (_, i) => ({ key: i % 3 === 0 ? null : Buffer.from(`key ${i}`), value: Buffer.alloc(length, `value ${i} `) }));

describe("what we write, kafkajs and we ourselves read", () => {
  test.each<Compression>(["none", "lz4", "zstd"])("under compression %s: one record, thousands, empty ones and megabytes", async (compression) => {
    const topic = await freshTopic(cluster);
    const batches = [
      many(1, 1),
      many(5000, 100),
      many(3, 0),
      many(1, 5 * mebibyte),
      many(40, 100_000),
      [{ key: Buffer.alloc(10_000, 7), value: Buffer.from("large key") }],
    ];
    await using recorded = await RecordedProducer.start(cluster, topic);
    for (const batch of batches) recorded.send(batch, compression);
    await recorded.drained();
    const all = batches.flat();
    const expected = shown(all);
    expect(recorded.durable.map(({ records }) => records)).toEqual(batches.map((batch) => batch.length));
    expect(short(await readTopic(cluster, topic))).toEqual(short(expected));
    expect(short(await readByKafkajs(topic, all.length))).toEqual(short(expected));
  });
});

describe("what others write, we read", () => {
  test.each(["None", "GZIP", "LZ4", "ZSTD"] as const)("kafkajs, compression %s", async (compression) => {
    const topic = await freshTopic(cluster);
    const records = many(500, 300);
    const producer = client.producer();
    await producer.connect();
    await producer.send({ topic, compression: kafkajs.CompressionTypes[compression], messages: records });
    await producer.disconnect();
    expect(short(await readTopic(cluster, topic))).toEqual(short(shown(records)));
  });

  test.each(["none", "gzip", "snappy", "lz4", "zstd"] as const)("@platformatic/kafka, compression %s", async (compression) => {
    const topic = await freshTopic(cluster);
    const records = many(500, 300);
    const producer = new PlatformaticProducer({ clientId: "test", bootstrapBrokers: [...inject("kafka")] });
    const messages = records.map(({ key, value }) => ({ topic, value, ...(key === null ? {} : { key }) }));
    await producer.send({ messages, compression, acks: -1 });
    await producer.close();
    expect(short(await readTopic(cluster, topic))).toEqual(short(shown(records)));
  });

  test("a null value, a null key, and headers", async () => {
    const topic = await freshTopic(cluster);
    const producer = client.producer();
    await producer.connect();
    await producer.send({
      topic,
      messages: [
        { key: null, value: null },
        { key: "k", value: "v", headers: { a: "1", b: ["2", "3"] } },
      ],
    });
    await producer.disconnect();
    expect(await readTopic(cluster, topic)).toEqual([
      { offset: 0, key: null, value: null },
      { offset: 1, key: Buffer.from("k").toString("hex"), value: Buffer.from("v").toString("hex") },
    ]);
  });

  test("transactions: what was committed counts, what was aborted does not, whoever writes in between", async () => {
    const topic = await freshTopic(cluster);
    const plain = client.producer();
    await plain.connect();
    const producers = [uniqueName("x"), uniqueName("y")].map((transactionalId) =>
      client.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 }),
    );
    for (const producer of producers) await producer.connect();
    const expected: string[] = [];
    const put = async (writer: { send: Transaction["send"] }, text: string, counts: boolean): Promise<void> => {
      await writer.send({ topic, messages: [{ value: text }] });
      if (counts) expected.push(text);
    };
    await put(plain, "before", true);
    // Two transactions at a time, of which each ends either way, with records of their own and others in between.
    for (const [first, second] of [
      ["commit", "abort"],
      ["abort", "commit"],
      ["abort", "abort"],
      ["commit", "commit"],
    ] as const) {
      const a = await producers[0]!.transaction();
      const b = await producers[1]!.transaction();
      await put(a, `a ${first} 1`, first === "commit");
      await put(b, `b ${second} 1`, second === "commit");
      await put(plain, `between ${first} ${second}`, true);
      await put(a, `a ${first} 2`, first === "commit");
      await a[first]();
      await put(b, `b ${second} 2`, second === "commit");
      await b[second]();
      await put(plain, `after ${first} ${second}`, true);
    }
    for (const producer of [plain, ...producers]) await producer.disconnect();
    for (const maxBytes of [1, 200, 1 << 20]) {
      const found = await readTopic(cluster, topic, maxBytes);
      expect(found.map(({ value }) => Buffer.from(value ?? "", "hex").toString())).toEqual(expected);
    }
  });
});
