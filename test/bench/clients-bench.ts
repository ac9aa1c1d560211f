/**
 * What the libraries of the request cost on the hot path, beside what is used instead: client CPU, since wall time on a shared machine says little. The
 * figures are quoted in docs/decisions; the topic's end says that everything arrived.
 */
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { Producer as PlatformaticProducer } from "@platformatic/kafka";
import { PgoutputPlugin } from "pg-logical-replication";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { initProducerId } from "../../connectors/kafka/producer-id.ts";
import { Producer } from "../../connectors/kafka/producer.ts";
import { RecordBatchWriter } from "../../connectors/kafka/record-batch.ts";
import { ensureTopic } from "../../connectors/kafka/topic.ts";
import { PgoutputDecoder } from "../../connectors/postgres/pgoutput.ts";
import type { KafkaConfiguration } from "../../services/runtime/configuration.ts";
import type { Stack } from "../../infra/local/stack.ts";
import { median, round } from "./figures.ts";
import { until } from "./measure.ts";

const key = Buffer.alloc(20, "k");
const payload = Buffer.alloc(200, "v");

/** Microseconds of client CPU a record, and records a second. */
interface Cost {
  readonly cpuMicros: number;
  readonly perSecond: number;
}

type Way = (topic: string, records: number) => Promise<void>;

/** @param records of 20 + 200 bytes, acks=all, idempotent, one partition */
export async function produceCosts(stack: Stack, records: number, runs: number): Promise<Record<string, Cost>> {
  const configuration: KafkaConfiguration = { brokers: stack.kafka.brokers, topicPrefix: "clients", replicationFactor: 1, maxEventBytes: 64 << 20 };
  const cluster = new KafkaCluster(configuration, "offtake-bench");
  const costs: Record<string, Cost> = {};
  for (const [name, way] of Object.entries<Way>({ kafkajs: kafkaJs(stack), "@platformatic/kafka": platformatic(stack), offtake: own(cluster) })) {
    const measured: Cost[] = [];
    for (let run = 0; run < runs; run += 1) {
      const topic = `clients.${name.replaceAll(/[^a-z]/g, "")}.${run}`;
      await ensureTopic(cluster, topic, configuration, false);
      measured.push(
        await cost(records, async () => {
          await way(topic, records);
        }),
      );
      await until(`${records} records in ${topic}`, async () => (await offsetRange(cluster, topic)).end === records);
    }
    costs[name] = {
      cpuMicros: round(median(measured.map((each) => each.cpuMicros)), 2),
      perSecond: Math.round(median(measured.map((each) => each.perSecond))),
    };
  }
  await cluster.close();
  return costs;
}

/** One row message of ten columns, decoded again and again: to an object by the library, to offsets by us. */
export async function decodeCosts(rows: number): Promise<Record<string, Cost>> {
  const { relation, insert } = messages();
  const library = new PgoutputPlugin({ protoVersion: 1, publicationNames: ["p"] });
  library.parse(relation);
  const decoder = new PgoutputDecoder();
  decoder.decode(relation, 0, relation.length);
  const each = async (decode: () => void): Promise<Cost> => {
    for (let i = 0; i < rows / 10; i += 1) decode();
    return cost(rows, async () => {
      for (let i = 0; i < rows; i += 1) decode();
    });
  };
  return {
    "pg-logical-replication": await each(() => void library.parse(insert)),
    offtake: await each(() => void decoder.decode(insert, 0, insert.length)),
  };
}

async function cost(count: number, work: () => Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMicros: round((user + system) / count, 2), perSecond: Math.round(count / seconds) };
}

function kafkaJs(stack: Stack): Way {
  return async (topic, records) => {
    const producer = new Kafka({ brokers: stack.kafka.brokers, clientId: "bench", logLevel: logLevel.NOTHING }).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    const messagesOfBatch = Array.from({ length: 4000 }, () => ({ key, value: payload, partition: 0 }));
    for (let sent = 0; sent < records; sent += 4000)
      await producer.send({ topic, acks: -1, messages: messagesOfBatch.slice(0, Math.min(4000, records - sent)) });
    await producer.disconnect();
  };
}

function platformatic(stack: Stack): Way {
  return async (topic, records) => {
    const producer = new PlatformaticProducer({ clientId: "bench", bootstrapBrokers: stack.kafka.brokers, idempotent: true, acks: -1 });
    const messagesOfBatch = Array.from({ length: 4000 }, () => ({ topic, key, value: payload, partition: 0 }));
    for (let sent = 0; sent < records; sent += 4000) await producer.send({ messages: messagesOfBatch.slice(0, Math.min(4000, records - sent)) });
    await producer.close();
  };
}

function own(cluster: KafkaCluster): Way {
  return async (topic, records) => {
    const identity = await initProducerId(cluster, `bench.${topic}`, new AbortController().signal);
    const finished = Promise.withResolvers<void>();
    let durable = 0;
    const producer = new Producer(cluster, topic, identity, {
      durable: (count) => {
        durable += count;
        if (durable === records) finished.resolve();
      },
      failed: (error) => finished.reject(error),
      interrupted: () => {},
      refuses: () => undefined,
    });
    for (let sent = 0; sent < records;) {
      const batch = new RecordBatchWriter("none", 1 << 20);
      for (; batch.length < 900_000 && sent < records; sent += 1) {
        batch.writer.reserve(300);
        batch.begin();
        batch.writer.slice(key, 0, key.length);
        batch.beginValue();
        batch.writer.raw(payload, 0, payload.length);
        batch.endValue();
        batch.end();
      }
      producer.send(batch);
      if (producer.pending >= 8) await until("batches arrive", async () => producer.pending < 4, 1);
    }
    await finished.promise;
    producer.end();
  };
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

function int(length: number, value: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeIntBE(value, 0, length);
  return bytes;
}

/** A relation of ten columns and an insert into it, as the server sends them. */
function messages(): { relation: Buffer; insert: Buffer } {
  const columns: [string, number, string][] = [
    ["id", 20, "1234567"],
    ["n", 23, "42"],
    ["s20", 25, "a text of twenty one."],
    ["s60", 25, "a longer text that stands for a name and an address of sixty"],
    ["amt", 1700, "1234.50"],
    ["ts", 1184, "2026-01-01 00:00:00.123456+00"],
    ["ok", 16, "t"],
    ["doc", 3802, '{"qty": 12, "side": "buy", "venue": "X"}'],
    ["uid", 2950, "d41d8cd9-8f00-b204-e980-0998ecf8427e"],
    ["d", 701, "0.333333333333"],
  ];
  const relation = Buffer.concat([
    Buffer.from("R"),
    int(4, 16_384),
    text("public"),
    text("bench"),
    Buffer.from("d"),
    int(2, columns.length),
    ...columns.flatMap(([name, oid], i) => [int(1, i === 0 ? 1 : 0), text(name), int(4, oid), int(4, -1)]),
  ]);
  const values = columns.flatMap(([, , value]) => [Buffer.from("t"), int(4, Buffer.byteLength(value)), Buffer.from(value)]);
  return { relation, insert: Buffer.concat([Buffer.from("I"), int(4, 16_384), Buffer.from("N"), int(2, columns.length), ...values]) };
}
