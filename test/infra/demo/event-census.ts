/**
 * Reads a topic with the consumer and the registry client that others would use, and counts what is in it: nothing of the product's own reading.
 */
import { randomUUID } from "node:crypto";
import { SchemaRegistry } from "@kafkajs/confluent-schema-registry";
import { Kafka, logLevel } from "kafkajs";

/** Events by op; `moved` are the creates that move a row to another key. */
export type EventCensus = Record<"c" | "u" | "d" | "t" | "m" | "moved", number>;

/** The part of an event that is looked at. */
interface CountedEvent {
  readonly op: string;
  readonly offtake: { readonly old_key: object | null } | null;
}

/** Of every event up to the topic's end of now. */
export async function takeCensus(brokers: string[], registryUrl: string, topic: string): Promise<EventCensus> {
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
  const registry = new SchemaRegistry({ host: registryUrl });
  const admin = kafka.admin();
  await admin.connect();
  const [partition] = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const end = Number(partition?.high ?? 0);
  const census: EventCensus = { c: 0, u: 0, d: 0, t: 0, m: 0, moved: 0 };
  const consumer = kafka.consumer({ groupId: randomUUID() });
  const done = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      if (message.value === null) throw new Error(`a tombstone in ${topic}`);
      const event: CountedEvent = await registry.decode(message.value);
      if (event.op === "c" || event.op === "u" || event.op === "d" || event.op === "t" || event.op === "m") census[event.op] += 1;
      else throw new Error(`an event of op ${event.op} in ${topic}`);
      if (event.op === "c" && event.offtake?.old_key) census.moved += 1;
      if (Number(message.offset) === end - 1) done.resolve();
    },
  });
  await done.promise;
  await consumer.disconnect();
  return census;
}
