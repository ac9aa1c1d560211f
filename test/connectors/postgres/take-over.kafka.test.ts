/** Connectors that follow each other on one topic, without their slots: events are heartbeats. */
import kafkajs from "kafkajs";
import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import { Consumer } from "../../../connectors/kafka/consumer.ts";
import { offsetRange } from "../../../connectors/kafka/offsets.ts";
import { RecordBatchWriter } from "../../../connectors/kafka/record-batch.ts";
import { Registry } from "../../../connectors/kafka/registry.ts";
import { encodeMessage, encodeProcessed } from "../../../connectors/postgres/message-encoder.ts";
import { readTail } from "../../../connectors/postgres/tail.ts";
import { markerThrough, openTopic, type PutMarker, type TakeOver, takeOver } from "../../../connectors/postgres/take-over.ts";
import { Transaction } from "../../../connectors/postgres/transaction.ts";
import { AvroWriter } from "../../../schemas/avro-bytes.ts";
import { messageSchema } from "../../../schemas/envelope.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { uniqueName } from "../../support/databases.ts";
import { forgetRecords, freshTopic, testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { RecordedProducer } from "../kafka/recorded-producer.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

/** Another client altogether. */
function stranger() {
  return new kafkajs.Kafka({ brokers: inject("kafka"), logLevel: kafkajs.logLevel.NOTHING });
}

const names = { version: "0", name: "offtake", identity: { systemIdentifier: "7400000000000000001", timeline: 3, database: "shop" } };
let topic: string;
let connector: string;
let over: TakeOver;
let stop: AbortController;

beforeEach(async () => {
  topic = await freshTopic(cluster);
  connector = uniqueName("connector");
  stop = new AbortController();
  const registry = new Registry(new Secret(inject("registry")));
  const messageSchemaId = await registry.register(`${topic}-messages`, messageSchema("offtake"));
  over = { cluster, registry, topic, connector, slot: "slot", names, history: [], messageSchemaId, signal: stop.signal };
});

async function startConnector(id = connector): Promise<{ recorded: RecordedProducer; putMarker: PutMarker } & AsyncDisposable> {
  const recorded = await RecordedProducer.start(cluster, topic, id);
  return { recorded, putMarker: markerThrough(recorded.producer, stop.signal), [Symbol.asyncDispose]: async () => recorded.producer.end() };
}

/** A batch with one transaction of one event. */
function event(commitLsn: bigint): RecordBatchWriter {
  const transaction = new Transaction(names, undefined);
  transaction.begin(commitLsn, 0n, 1, undefined);
  transaction.advance();
  const batch = new RecordBatchWriter("none", 1024);
  const bytes = Buffer.from('{"kind":"heartbeat","at":1}');
  const fromEnd = encodeMessage(
    batch,
    over.messageSchemaId,
    transaction,
    encodeProcessed(new AvroWriter(32), 0),
    { high: 0, low: Number(commitLsn) - 1 },
    { bytes, start: 0, end: bytes.length },
  );
  batch.writer.bytes[batch.length - fromEnd] = 1;
  return batch;
}

async function tailNow() {
  const consumer = new Consumer(cluster, topic, stop.signal, () => {});
  try {
    const range = await offsetRange(cluster, topic);
    return await readTail(consumer, over.registry, topic, range, range.end);
  } finally {
    consumer.close();
  }
}

describe("a topic that was just opened", () => {
  test("has no tail before its slot was created, and one without events after it", async () => {
    await using first = await startConnector();
    await openTopic(over, 0n, first.putMarker);
    await expect(takeOver(over, first.recorded.identity, first.putMarker)).rejects.toMatchObject({ code: "TOPIC_WITHOUT_TAIL" });
    await openTopic(over, 500n, first.putMarker);
    const tail = await takeOver(over, first.recorded.identity, first.putMarker);
    expect(tail).toMatchObject({
      commitLsn: 500n,
      sequence: 0,
      last: true,
      previous: undefined,
      systemIdentifier: "7400000000000000001",
      timeline: 3,
      event: undefined,
    });
  });

  test("is empty before that", async () => {
    await using first = await startConnector();
    await expect(takeOver(over, first.recorded.identity, first.putMarker)).rejects.toMatchObject({
      code: "TOPIC_WITHOUT_TAIL",
      message: expect.stringContaining("it is empty"),
    });
    expect(await offsetRange(cluster, topic)).toEqual({ start: 0, end: 0 });
  });
});

describe("takeOver", () => {
  test("finds the newest event, again and again, with a marker each time", async () => {
    await using first = await startConnector();
    await openTopic(over, 500n, first.putMarker);
    first.recorded.producer.send(event(600n));
    first.recorded.producer.send(event(700n));
    await first.recorded.drained();
    for (let start = 1; start <= 3; start += 1) {
      await using next = await startConnector();
      const tail = await takeOver(over, next.recorded.identity, next.putMarker);
      expect(tail).toMatchObject({ commitLsn: 700n, sequence: 1, last: true, event: { lsn: "699", table: "", op: "m", key: "" } });
      expect((await offsetRange(cluster, topic)).end).toBe(3 + start);
    }
  });

  test("finds what a predecessor has put between its look at the topic and its marker, and repeats that", async () => {
    await using old = await startConnector();
    await openTopic(over, 500n, old.putMarker);
    old.recorded.producer.send(event(600n));
    await old.recorded.drained();
    await using next = await startConnector();
    let markers = 0;
    const tail = await takeOver(over, next.recorded.identity, async (batch) => {
      markers += 1;
      if (markers === 1) {
        old.recorded.producer.send(event(700n));
        await old.recorded.drained();
      }
      return next.putMarker(batch);
    });
    expect(tail).toMatchObject({ commitLsn: 700n, sequence: 1, event: { lsn: "699" } });
    expect(markers).toBe(2);
    expect(await tailNow()).toMatchObject({ marker: true, commitLsn: 700n, event: { lsn: "699" } });
    old.recorded.producer.send(event(800n));
    expect(await old.recorded.failed()).toBe("CONNECTOR_FENCED");
  });

  test("finds it, too, when the successor died between its two markers", async () => {
    await using old = await startConnector();
    await openTopic(over, 500n, old.putMarker);
    old.recorded.producer.send(event(600n));
    await old.recorded.drained();
    await using died = await startConnector();
    const death = new Error("killed");
    const dying = takeOver(over, died.recorded.identity, async (batch) => {
      old.recorded.producer.send(event(700n));
      await old.recorded.drained();
      await died.putMarker(batch);
      throw death;
    });
    await expect(dying).rejects.toBe(death);
    expect(await tailNow()).toMatchObject({ marker: false, commitLsn: 700n });
    await using next = await startConnector();
    expect(await takeOver(over, next.recorded.identity, next.putMarker)).toMatchObject({ commitLsn: 700n });
    expect(await tailNow()).toMatchObject({ marker: true, commitLsn: 700n });
  });

  test("where the tail was written under another producer id it marks, and waits until a predecessor must have given up", async () => {
    await using old = await startConnector();
    await openTopic(over, 500n, old.putMarker);
    await using next = await startConnector(uniqueName("another"));
    const taking = takeOver(over, next.recorded.identity, next.putMarker);
    await waitFor(async () => (await offsetRange(cluster, topic)).end === 2, { what: "the first marker" });
    stop.abort();
    await expect(taking).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect((await offsetRange(cluster, topic)).end).toBe(2);
  });

  test("says that retention has removed the tail", async () => {
    await using first = await startConnector();
    await openTopic(over, 500n, first.putMarker);
    first.recorded.producer.send(event(600n));
    await first.recorded.drained();
    await forgetRecords(cluster, topic, 2);
    await expect(takeOver(over, first.recorded.identity, first.putMarker)).rejects.toMatchObject({
      code: "TOPIC_WITHOUT_TAIL",
      message: expect.stringContaining("retention has removed every record"),
    });
  });

  test("goes on in a topic of which retention has removed the beginning", async () => {
    await using first = await startConnector();
    await openTopic(over, 500n, first.putMarker);
    for (const lsn of [600n, 700n, 800n]) first.recorded.producer.send(event(lsn));
    await first.recorded.drained();
    await forgetRecords(cluster, topic, 2);
    expect(await takeOver(over, first.recorded.identity, first.putMarker)).toMatchObject({ commitLsn: 800n });
  });

  test("does not go on in a topic that begins with an event: it was made again under a connector", async () => {
    await using old = await startConnector();
    old.recorded.producer.send(event(600n));
    await old.recorded.drained();
    await using next = await startConnector();
    await expect(takeOver(over, next.recorded.identity, next.putMarker)).rejects.toMatchObject({ code: "TOPIC_RECREATED" });
  });

  test("is ended by a stop while Kafka does not take its marker", async () => {
    const nobody = testCluster(["127.0.0.1:1"]);
    await using recorded = new RecordedProducer(nobody, topic, { producerId: 1n, epoch: 0 });
    const putting = markerThrough(recorded.producer, stop.signal)(event(600n));
    await waitFor(() => recorded.interruptions.length > 0, { what: "it to have tried" });
    stop.abort();
    await expect(putting).rejects.toMatchObject({ code: "INTERRUPTED" });
    await expect(markerThrough(recorded.producer, stop.signal)(event(600n))).rejects.toMatchObject({ code: "INTERRUPTED" });
    await nobody.close();
  });

  test("is told when its producer had failed before", async () => {
    await using old = await startConnector();
    await openTopic(over, 500n, old.putMarker);
    await using next = await startConnector();
    await takeOver(over, next.recorded.identity, next.putMarker);
    old.recorded.producer.send(event(600n));
    expect(await old.recorded.failed()).toBe("CONNECTOR_FENCED");
    await expect(old.putMarker(event(700n))).rejects.toMatchObject({ code: "CONNECTOR_FENCED" });
  });
});

describe("records of others at the end of a topic", () => {
  test("that count are refused: a topic has one writer", async () => {
    await using first = await startConnector();
    await openTopic(over, 500n, first.putMarker);
    const other = stranger().producer();
    await other.connect();
    await other.send({ topic, messages: [{ value: "hello" }] });
    await other.disconnect();
    await expect(takeOver(over, first.recorded.identity, first.putMarker)).rejects.toMatchObject({
      code: "EVENT_MALFORMED",
      message: expect.stringContaining("offset 1"),
    });
  });

  test("that were taken back are passed over, however many they are", async () => {
    await using first = await startConnector();
    await openTopic(over, 500n, first.putMarker);
    first.recorded.producer.send(event(600n));
    await first.recorded.drained();
    const other = stranger().producer({ transactionalId: uniqueName("stranger"), idempotent: true, maxInFlightRequests: 1 });
    await other.connect();
    const transaction = await other.transaction();
    await transaction.send({ topic, messages: Array.from({ length: 500 }, () => ({ value: "hello" })) });
    await transaction.abort();
    await other.disconnect();
    expect(await takeOver(over, first.recorded.identity, first.putMarker)).toMatchObject({ commitLsn: 600n, event: { lsn: "599" } });
  });
});
