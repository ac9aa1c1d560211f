import { afterAll, describe, expect, test } from "vitest";
import { brokerAnswer } from "../../../connectors/kafka/kafka-errors.ts";
import { produce } from "../../../connectors/kafka/produce.ts";
import { initProducerId } from "../../../connectors/kafka/producer-id.ts";
import { nextSequence } from "../../../connectors/kafka/producer.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { uniqueName } from "../../support/databases.ts";
import { deleteTopic, freshTopic, testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { batchOf, type PlainRecord } from "./plain-records.ts";
import { ProxiedCluster } from "./proxied-cluster.ts";
import { readTopic } from "./read-topic.ts";
import { RecordedProducer } from "./recorded-producer.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

/** A batch of three records that say which they are, with some weight. */
function batch(n: number, bytes = 2000): PlainRecord[] {
  return [0, 1, 2].map((i) => ({ key: null, value: Buffer.alloc(bytes, `${n}.${i} `) }));
}

/** Which records are in the topic, in its order. */
async function namesIn(topic: string): Promise<string[]> {
  const records = await readTopic(cluster, topic);
  return records.map(
    ({ value }) =>
      Buffer.from(value ?? "", "hex")
        .toString()
        .split(" ")[0]!,
  );
}

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, n) => [0, 1, 2].map((i) => `${n}.${i}`)).flat();
}

describe("Producer", () => {
  test("has five requests on the way at once, and never six", async () => {
    const topic = await freshTopic(cluster);
    await using proxied = await ProxiedCluster.start();
    const { proxy } = proxied;
    await using recorded = await RecordedProducer.start(proxied, topic);
    await waitFor(() => recorded.producer.ready, { what: "a connection" });
    proxy.hold("back");
    for (let n = 0; n < 12; n += 1) recorded.send(batch(n));
    // The broker has answered all five; what it says is held back.
    await waitFor(async () => (await namesIn(topic)).length === 15, { what: "five batches in the topic" });
    expect(recorded.asked).toBe(5);
    expect(recorded.producer.pending).toBe(12);
    expect(recorded.durable).toEqual([]);
    proxy.release("back");
    await recorded.drained();
    expect(await namesIn(topic)).toEqual(namesOf(12));
    expect(recorded.durable.map(({ baseOffset }) => baseOffset)).toEqual(Array.from({ length: 12 }, (_, n) => n * 3));
  });

  test("puts every batch into the topic once and in order, wherever connections are cut on the way there and back", async () => {
    const topic = await freshTopic(cluster);
    await using proxied = await ProxiedCluster.start();
    const { proxy } = proxied;
    await using recorded = await RecordedProducer.start(proxied, topic);
    const rounds = 40;
    const perRound = 6;
    for (let round = 0; round < rounds; round += 1) {
      // Requests have about 6100 bytes, answers about 60: cuts in heads, in the middle, and between two of them.
      if (round % 2 === 0) proxy.cutAfter("there", 1 + ((round * 977) % 30_000));
      else proxy.cutAfter("back", 1 + ((round * 37) % 290));
      for (let n = 0; n < perRound; n += 1) recorded.send(batch(round * perRound + n));
      await recorded.drained();
    }
    expect(await namesIn(topic)).toEqual(namesOf(rounds * perRound));
    expect(recorded.durable.map(({ baseOffset }) => baseOffset)).toEqual(Array.from({ length: rounds * perRound }, (_, n) => n * 3));
    expect(recorded.interruptions.length).toBeGreaterThan(rounds / 2);
    expect(new Set(recorded.interruptions.map(({ code }) => code))).toEqual(new Set(["KAFKA_UNREACHABLE"]));
  });

  test("sends again what the broker has taken and not acknowledged, and the broker drops it", async () => {
    const topic = await freshTopic(cluster);
    await using proxied = await ProxiedCluster.start();
    const { proxy } = proxied;
    await using recorded = await RecordedProducer.start(proxied, topic);
    await waitFor(() => recorded.producer.ready, { what: "a connection" });
    proxy.hold("back");
    for (let n = 0; n < 5; n += 1) recorded.send(batch(n));
    await waitFor(async () => (await namesIn(topic)).length === 15, { what: "five batches in the topic" });
    proxy.cut();
    proxy.release("back");
    await recorded.drained();
    expect(await namesIn(topic)).toEqual(namesOf(5));
    expect(recorded.durable.map(({ baseOffset }) => baseOffset)).toEqual([0, 3, 6, 9, 12]);
    expect(recorded.asked).toBe(10);
  });

  test("says how much is on the way, and nothing is when all is durable", async () => {
    const topic = await freshTopic(cluster);
    await using recorded = await RecordedProducer.start(cluster, topic);
    recorded.send(batch(0));
    expect(recorded.producer.pending).toBe(1);
    expect(recorded.producer.pendingBytes).toBeGreaterThan(6000);
    await recorded.drained();
    expect(recorded.producer.pendingBytes).toBe(0);
    expect(recorded.producer.failure).toBeUndefined();
  });

  test("is refused once a successor with its transactional id has written, and only then", async () => {
    const topic = await freshTopic(cluster);
    const id = uniqueName("connector");
    await using old = await RecordedProducer.start(cluster, topic, id);
    old.send(batch(0));
    await old.drained();
    await using successor = await RecordedProducer.start(cluster, topic, id);
    expect(successor.identity.producerId).toBe(old.identity.producerId);
    expect(successor.identity.epoch).toBe(old.identity.epoch + 1);
    // This is why a take-over writes a marker before it reads the topic's end.
    old.send(batch(1));
    await old.drained();
    successor.send(batch(2));
    await successor.drained();
    old.send(batch(3));
    expect(await old.failed()).toBe("CONNECTOR_FENCED");
    expect(old.producer.failure?.code).toBe("CONNECTOR_FENCED");
    old.send(batch(4));
    expect(old.failures).toHaveLength(1);
    expect(await namesIn(topic)).toEqual(namesOf(3));
  });

  test("ends when its topic is deleted", async () => {
    const topic = await freshTopic(cluster);
    await using recorded = await RecordedProducer.start(cluster, topic);
    recorded.send(batch(0));
    await recorded.drained();
    await deleteTopic(cluster, topic);
    recorded.send(batch(1));
    expect(await recorded.failed()).toBe("TOPIC_MISSING");
  });

  test("does not go on in a topic that was made again while it was away", async () => {
    const topic = await freshTopic(cluster);
    await using proxied = await ProxiedCluster.start();
    await using recorded = await RecordedProducer.start(proxied, topic);
    recorded.send(batch(0));
    await recorded.drained();
    proxied.proxy.hold("there");
    await deleteTopic(cluster, topic);
    await freshTopic(cluster, {}, topic);
    proxied.proxy.cut();
    proxied.proxy.release("there");
    recorded.send(batch(1));
    expect(await recorded.failed()).toBe("TOPIC_RECREATED");
    expect(await namesIn(topic)).toEqual([]);
  });

  test("does not take for durable what went into a topic that was made again behind its connection", async () => {
    const topic = await freshTopic(cluster);
    await using recorded = await RecordedProducer.start(cluster, topic);
    recorded.send(batch(0));
    await recorded.drained();
    await deleteTopic(cluster, topic);
    await freshTopic(cluster, {}, topic);
    recorded.send(batch(1));
    expect(await recorded.failed()).toBe("TOPIC_RECREATED");
    expect(recorded.durable).toHaveLength(1);
  });

  test("ends with EVENT_TOO_LARGE for a batch that the topic does not take, and does not send what follows", async () => {
    const topic = await freshTopic(cluster, { "max.message.bytes": "10000" });
    await using recorded = await RecordedProducer.start(cluster, topic);
    recorded.send(batch(0));
    recorded.send(batch(1, 4000));
    recorded.send(batch(2));
    expect(await recorded.failed()).toBe("EVENT_TOO_LARGE");
    expect(recorded.failures[0]!.message).toContain("12");
    expect((await namesIn(topic)).filter((name) => !name.startsWith("0."))).toEqual([]);
  });

  test("sends nothing any more once it hears a reason not to", async () => {
    const topic = await freshTopic(cluster);
    await using recorded = await RecordedProducer.start(cluster, topic);
    recorded.send(batch(0));
    await recorded.drained();
    recorded.refusal = new OfftakeError("CONNECTOR_FENCED", "no proof");
    recorded.send(batch(1));
    expect(recorded.failures).toEqual([recorded.refusal]);
    recorded.refusal = undefined;
    recorded.send(batch(2));
    expect(recorded.failures).toHaveLength(1);
    expect(await namesIn(topic)).toEqual(namesOf(1));
  });

  test("asks for a reason not to send before it sends again, too", async () => {
    const topic = await freshTopic(cluster);
    await using proxied = await ProxiedCluster.start();
    await using recorded = await RecordedProducer.start(proxied, topic);
    await waitFor(() => recorded.producer.ready, { what: "a connection" });
    proxied.proxy.hold("there");
    recorded.send(batch(0));
    recorded.refusal = new OfftakeError("CONNECTOR_FENCED", "no proof");
    proxied.proxy.cut();
    proxied.proxy.release("there");
    expect(await recorded.failed()).toBe("CONNECTOR_FENCED");
    expect(await namesIn(topic)).toEqual([]);
  });

  test("ended while it connects, it leaves no connection behind and says nothing more", async () => {
    const topic = await freshTopic(cluster);
    await using proxied = await ProxiedCluster.start();
    const identity = await initProducerId(cluster, uniqueName("connector"), new AbortController().signal);
    for (let i = 0; i < 20; i += 1) {
      const recorded = new RecordedProducer(proxied, topic, identity);
      recorded.send(batch(0));
      // At another moment of its connecting each time.
      for (let turn = 0; turn < i; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      recorded.producer.end();
      expect(recorded.producer.pending).toBe(0);
      expect([...recorded.failures, ...recorded.interruptions]).toEqual([]);
    }
    await waitFor(() => proxied.proxy.accepted >= 1 && proxied.proxy.open === 0, { what: "every connection to be closed" });
  });

  test("waits for a broker that is not there, and says so", async () => {
    const topic = await freshTopic(cluster);
    await using proxied = await ProxiedCluster.start();
    await using recorded = await RecordedProducer.start(proxied, topic);
    recorded.send(batch(0));
    await recorded.drained();
    await proxied.proxy[Symbol.asyncDispose]();
    recorded.send(batch(1));
    await waitFor(() => recorded.interruptions.length >= 3, { what: "it to have tried again" });
    expect(recorded.failures).toEqual([]);
    expect(recorded.producer.pending).toBe(1);
  });
});

describe("sequence numbers", () => {
  test.each([
    [0, 5, 5],
    [2 ** 31 - 1, 1, 0],
    [2 ** 31 - 2, 4, 2],
    [2 ** 31 - 5, 5, 0],
  ])("behind %i and %i records come to %i", (sequence, records, next) => {
    expect(nextSequence(sequence, records)).toBe(next);
  });

  test("wrap where the broker's do", async () => {
    const topic = await freshTopic(cluster);
    const { producerId, epoch } = await initProducerId(cluster, uniqueName("connector"), new AbortController().signal);
    const leader = await cluster.leader(topic);
    const connection = await cluster.connect(leader, 10_000);
    const put = async (sequence: number): Promise<string> => {
      const bytes = batchOf(batch(sequence), { producerId, epoch, sequence });
      const { promise, resolve } = Promise.withResolvers<string>();
      produce(connection, topic, bytes, 5000, (error, offset) => resolve(error === undefined ? `at ${offset}` : String(brokerAnswer(error))));
      return promise;
    };
    // Three records: two numbers before the wrap, and 0.
    const first = 2 ** 31 - 2;
    const next = nextSequence(first, 3);
    expect(await put(first)).toBe("at 0");
    expect(await put(next + 1)).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    expect(await put(next)).toBe("at 3");
    expect(await put(nextSequence(next, 3))).toBe("at 6");
    connection.destroy();
  });
});
