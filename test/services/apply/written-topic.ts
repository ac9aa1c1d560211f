/**
 * A topic of one test, written by kafkajs with schemas that avsc encodes: nothing of it comes from the connector.
 */
import { Kafka, logLevel, type Producer } from "kafkajs";
import { inject } from "vitest";
import { KafkaCluster } from "../../../connectors/kafka/cluster.ts";
import { Consumer } from "../../../connectors/kafka/consumer.ts";
import { Registry } from "../../../connectors/kafka/registry.ts";
import { ensureTopic } from "../../../connectors/kafka/topic.ts";
import { subjectOf, tableNamespace } from "../../../schemas/avro-names.ts";
import { messageEnvelopeName, messageSchema } from "../../../schemas/envelope.ts";
import { Chain } from "../../../services/apply/chain.ts";
import type { AppliedPosition } from "../../../services/apply/position.ts";
import { type ReadLimits, TopicReader } from "../../../services/apply/topic-reader.ts";
import type { KafkaConfiguration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { uniqueName } from "../../support/databases.ts";
import { EventWriter, type TableEvent, WrittenTable } from "./event-writer.ts";

export interface WrittenTopic extends AsyncDisposable {
  readonly topic: string;
  readonly cluster: KafkaCluster;
  readonly registry: Registry;
  readonly writer: EventWriter;
  /** A table whose schema is registered. */
  table(name: string, columns: Readonly<Record<string, string>>): Promise<WrittenTable>;
  /** Each list is one transaction; all of them are one record batch. */
  write(...transactions: (readonly (TableEvent | TableEvent[])[])[]): Promise<void>;
  /** Values as they are, in one record batch. */
  writeValues(...values: (Buffer | null)[]): Promise<void>;
  /** A reader from this offset on, behind this position. */
  reader(limits?: Partial<ReadLimits>, from?: { readonly offset: number; readonly position: AppliedPosition }): WrittenTopicReader;
}

export interface WrittenTopicReader extends AsyncDisposable {
  readonly reader: TopicReader;
  readonly chain: Chain;
  readonly consumer: Consumer;
  stop(): void;
}

export async function writtenTopic(): Promise<WrittenTopic> {
  const brokers = inject("kafka");
  const prefix = uniqueName("w");
  const topic = `${prefix}.trading`;
  const configuration: KafkaConfiguration = { brokers, topicPrefix: prefix, replicationFactor: 1, maxEventBytes: 64 << 20 };
  const cluster = new KafkaCluster(configuration, "test");
  await ensureTopic(cluster, topic, configuration, false);
  const registry = new Registry(new Secret(inject("registry")));
  const writer = new EventWriter(prefix);
  writer.messageSchemaId = await registry.register(subjectOf(topic, messageEnvelopeName(prefix)), messageSchema(prefix));
  const producer: Producer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  const writeValues = async (...values: (Buffer | null)[]): Promise<void> => {
    await producer.send({ topic, messages: values.map((value) => ({ value })) });
  };
  const readers: (() => Promise<void>)[] = [];
  return {
    topic,
    cluster,
    registry,
    writer,
    writeValues,
    table: async (name, columns) => {
      const table = new WrittenTable(name, columns, { prefix });
      table.schemaId = await registry.register(subjectOf(topic, `${tableNamespace(prefix, "public", name)}.Envelope`), table.envelope);
      return table;
    },
    write: async (...transactions) => writeValues(...transactions.flatMap((events) => writer.transaction(events).map(({ bytes }) => bytes))),
    reader: ({ rows = 20_000, bytes = 16 << 20 } = {}, from) => {
      const stopping = new AbortController();
      const consumer = new Consumer(cluster, topic, stopping.signal, () => {});
      const chain = new Chain(topic, from?.position);
      const reader = new TopicReader(topic, consumer, registry, chain, from?.offset ?? 0, { rows, bytes, giant: 1 });
      const end = async (): Promise<void> => {
        stopping.abort();
        consumer.close();
      };
      readers.push(end);
      return { reader, chain, consumer, stop: () => stopping.abort(), [Symbol.asyncDispose]: end };
    },
    [Symbol.asyncDispose]: async () => {
      for (const end of readers) await end();
      await producer.disconnect();
      await cluster.close();
    },
  };
}
