import kafkajs from "kafkajs";
import { afterAll, describe, expect, inject, test } from "vitest";
import { commitOffset, groupOf, offsetRange } from "../../../connectors/kafka/offsets.ts";
import { initProducerId, transactionalIdOf } from "../../../connectors/kafka/producer-id.ts";
import { uniqueName } from "../../support/databases.ts";
import { forgetRecords, freshTopic, testCluster } from "../../support/topics.ts";
import { RecordedProducer } from "./recorded-producer.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

describe("offsetRange", () => {
  test("is where a partition begins and ends", async () => {
    const topic = await freshTopic(cluster);
    expect(await offsetRange(cluster, topic)).toEqual({ start: 0, end: 0 });
    await using recorded = await RecordedProducer.start(cluster, topic);
    recorded.send(Array.from({ length: 7 }, () => ({ key: null, value: Buffer.from("x") })));
    await recorded.drained();
    expect(await offsetRange(cluster, topic)).toEqual({ start: 0, end: 7 });
    await forgetRecords(cluster, topic, 7);
    expect(await offsetRange(cluster, topic)).toEqual({ start: 7, end: 7 });
  });

  test("of a topic that is not there is an error", async () => {
    await expect(offsetRange(cluster, uniqueName("never"))).rejects.toMatchObject({ name: "OfftakeError" });
  });
});

describe("commitOffset", () => {
  test("is seen by ordinary tools, and moves on", async () => {
    const topic = await freshTopic(cluster);
    const group = groupOf(uniqueName("service"));
    const admin = new kafkajs.Kafka({ brokers: inject("kafka"), logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    for (const offset of [5, 9]) {
      await commitOffset(cluster, group, topic, offset);
      const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      expect(committed?.partitions[0]).toMatchObject({ partition: 0, offset: String(offset) });
    }
    await admin.disconnect();
  });
});

describe("initProducerId", () => {
  const { signal } = new AbortController();

  test("gives a transactional id the same producer id each time, with the next epoch", async () => {
    const id = transactionalIdOf(uniqueName("connector"));
    const identities = [
      await initProducerId(cluster, id, signal),
      await initProducerId(cluster, id, signal),
      await initProducerId(cluster, id, signal),
    ];
    expect(new Set(identities.map(({ producerId }) => producerId)).size).toBe(1);
    expect(identities.map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
  });

  test("gives two connectors two producer ids", async () => {
    const [one, other] = [
      await initProducerId(cluster, transactionalIdOf(uniqueName("a")), signal),
      await initProducerId(cluster, transactionalIdOf(uniqueName("b")), signal),
    ];
    expect(one.producerId).not.toBe(other.producerId);
  });

  test("gives both of two that ask at the same moment an epoch of their own", async () => {
    const id = transactionalIdOf(uniqueName("connector"));
    const identities = await Promise.all(Array.from({ length: 4 }, async () => initProducerId(cluster, id, signal)));
    expect(new Set(identities.map(({ epoch }) => epoch)).size).toBe(4);
  });
});
