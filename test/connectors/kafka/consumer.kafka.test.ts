import { getEventListeners } from "node:events";
import { afterAll, describe, expect, test } from "vitest";
import { Consumer } from "../../../connectors/kafka/consumer.ts";
import { offsetRange } from "../../../connectors/kafka/offsets.ts";
import type { OfftakeError } from "../../../services/runtime/errors.ts";
import { uniqueName } from "../../support/databases.ts";
import { deleteTopic, forgetRecords, freshTopic, testCluster } from "../../support/topics.ts";
import { type PlainRecord, readRecords } from "./plain-records.ts";
import { ProxiedCluster } from "./proxied-cluster.ts";
import { RecordedProducer } from "./recorded-producer.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

const limits = { maxWaitMs: 500, maxBytes: 1 << 20 };

function records(from: number, count: number, bytes = 10): PlainRecord[] {
  return Array.from({ length: count }, (_, i) => ({ key: null, value: Buffer.alloc(bytes, `${from + i} `) }));
}

/** A topic with so many records, in batches of ten. */
async function filledTopic(count: number, bytes?: number): Promise<string> {
  const topic = await freshTopic(cluster);
  await using recorded = await RecordedProducer.start(cluster, topic);
  for (let from = 0; from < count; from += 10) recorded.send(records(from, 10, bytes));
  await recorded.drained();
  return topic;
}

function consumerOf(topic: string, signal = new AbortController().signal, from = cluster): { consumer: Consumer; troubles: OfftakeError[] } {
  const troubles: OfftakeError[] = [];
  return { consumer: new Consumer(from, topic, signal, (error) => void troubles.push(error)), troubles };
}

describe("Consumer", () => {
  test("fetches whole batches from the one on that holds the offset, and says where the topic begins and ends", async () => {
    const topic = await filledTopic(30);
    const { consumer } = consumerOf(topic);
    const fetched = await consumer.fetch(14, limits);
    expect(fetched).toMatchObject({ highWatermark: 30, logStart: 0, aborted: [] });
    expect(readRecords(fetched!.records).map(({ offset }) => offset)).toEqual(Array.from({ length: 20 }, (_, i) => 10 + i));
    consumer.close();
  });

  test("comes back with a batch whole, however little was asked for, and with nothing at the end", async () => {
    const topic = await filledTopic(20, 50_000);
    const { consumer } = consumerOf(topic);
    const fetched = await consumer.fetch(0, { maxWaitMs: 500, maxBytes: 1 });
    expect(readRecords(fetched!.records)).toHaveLength(10);
    const atEnd = await consumer.fetch(20, { maxWaitMs: 1, maxBytes: 1 });
    expect(atEnd).toMatchObject({ records: Buffer.alloc(0), highWatermark: 20 });
    consumer.close();
  });

  test("gets what is written while it waits", async () => {
    const topic = await freshTopic(cluster);
    const { consumer } = consumerOf(topic);
    const waiting = consumer.fetch(0, { maxWaitMs: 20_000, maxBytes: 1 << 20 });
    await using recorded = await RecordedProducer.start(cluster, topic);
    recorded.send(records(0, 1));
    expect(readRecords((await waiting)!.records)).toHaveLength(1);
    consumer.close();
  });

  test("is ended by its signal while it waits, and says that it was", async () => {
    const topic = await freshTopic(cluster);
    const stop = new AbortController();
    const { consumer, troubles } = consumerOf(topic, stop.signal);
    // Connected before, so that the stop comes while the broker holds the request.
    await consumer.fetch(0, { maxWaitMs: 1, maxBytes: 1 });
    const waiting = consumer.fetch(0, { maxWaitMs: 30_000, maxBytes: 1 });
    setImmediate(() => stop.abort());
    expect(await waiting).toBeUndefined();
    expect(consumer.stopReason.code).toBe("INTERRUPTED");
    expect(troubles).toEqual([]);
    consumer.close();
  });

  test("says of a limit of time what kept it", async () => {
    const topic = await freshTopic(cluster);
    await using proxied = await ProxiedCluster.start();
    await proxied.proxy[Symbol.asyncDispose]();
    const { consumer } = consumerOf(topic, AbortSignal.timeout(500), proxied);
    expect(await consumer.fetch(0, limits)).toBeUndefined();
    expect(consumer.stopReason.code).toBe("KAFKA_UNREACHABLE");
    expect(consumer.stopReason.message).toContain("ECONNREFUSED");
  });

  test("goes on where it was when its connection is cut, wherever that is", async () => {
    const topic = await filledTopic(200, 500);
    await using proxied = await ProxiedCluster.start();
    const { consumer, troubles } = consumerOf(topic, undefined, proxied);
    const found: number[] = [];
    for (let next = 0; next < 200;) {
      proxied.proxy.cutAfter(next % 20 === 0 ? "back" : "there", 1 + ((next * 331) % 5500));
      const fetched = await consumer.fetch(next, { maxWaitMs: 500, maxBytes: 5500 });
      const offsets = readRecords(fetched!.records).map(({ offset }) => offset);
      found.push(...offsets.filter((offset) => offset >= next));
      next = offsets.at(-1)! + 1;
    }
    expect(found).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(troubles.length).toBeGreaterThan(5);
    expect(new Set(troubles.map(({ code }) => code))).toEqual(new Set(["KAFKA_UNREACHABLE"]));
    consumer.close();
  });

  test("does not go on in a topic that was deleted and made again under its name", async () => {
    const topic = await filledTopic(10);
    const { consumer } = consumerOf(topic);
    await consumer.fetch(0, limits);
    await deleteTopic(cluster, topic);
    await freshTopic(cluster, {}, topic);
    await using recorded = await RecordedProducer.start(cluster, topic);
    recorded.send(records(0, 20));
    await recorded.drained();
    await expect(consumer.fetch(10, limits)).rejects.toMatchObject({ code: "TOPIC_RECREATED" });
    consumer.close();
  });

  test("ends when its topic is deleted, and when it never was", async () => {
    const topic = await filledTopic(10);
    const { consumer } = consumerOf(topic);
    await consumer.fetch(0, limits);
    await deleteTopic(cluster, topic);
    await expect(consumer.fetch(10, limits)).rejects.toMatchObject({ code: "TOPIC_MISSING" });
    consumer.close();
    const { consumer: other } = consumerOf(uniqueName("never"));
    await expect(other.fetch(0, limits)).rejects.toMatchObject({ code: "TOPIC_MISSING" });
  });

  test("says that the topic no longer holds an offset that retention has passed, and does not hold one that is not there yet", async () => {
    const topic = await filledTopic(30);
    await forgetRecords(cluster, topic, 20);
    expect(await offsetRange(cluster, topic)).toEqual({ start: 20, end: 30 });
    const { consumer } = consumerOf(topic);
    await expect(consumer.fetch(19, limits)).rejects.toMatchObject({ code: "TOPIC_EXPIRED" });
    await expect(consumer.fetch(31, limits)).rejects.toMatchObject({ code: "TOPIC_EXPIRED" });
    expect(await consumer.fetch(20, limits)).toMatchObject({ logStart: 20 });
    consumer.close();
  });

  test("leaves nothing with a signal that lives longer", async () => {
    const topic = await freshTopic(cluster);
    const { signal } = new AbortController();
    const { consumer } = consumerOf(topic, signal);
    await consumer.fetch(0, { maxWaitMs: 1, maxBytes: 1 });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    consumer.close();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});
