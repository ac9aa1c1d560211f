/** Topics for tests on the Kafka of the run, or of a stack of the test's own. */
import { inject } from "vitest";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import type { KafkaConfiguration } from "../../services/runtime/configuration.ts";
import { uniqueName } from "./databases.ts";
import { waitFor } from "./wait-for.ts";

/** @param brokers default: those of the run */
export function kafkaConfiguration(brokers: readonly string[] = inject("kafka")): KafkaConfiguration {
  return { brokers: [...brokers], topicPrefix: "offtake", replicationFactor: 1, maxEventBytes: 64 << 20 };
}

export function testCluster(brokers?: readonly string[]): KafkaCluster {
  return new KafkaCluster(kafkaConfiguration(brokers), "offtake-test");
}

/** An empty topic with one partition that takes large batches. @param settings over those */
export async function freshTopic(
  cluster: KafkaCluster,
  settings: Readonly<Record<string, string>> = {},
  name = uniqueName("topic"),
): Promise<string> {
  const configs = Object.entries({ "max.message.bytes": String(80 << 20), ...settings }).map(([key, value]) => ({ name: key, value }));
  await cluster.admin.createTopics({ topics: [name], partitions: 1, replicas: 1, configs });
  await untilItIs(cluster, name, true);
  return name;
}

/** Deletes it, and waits until no broker knows it any more. */
export async function deleteTopic(cluster: KafkaCluster, topic: string): Promise<void> {
  await cluster.admin.deleteTopics({ topics: [topic] });
  await untilItIs(cluster, topic, false);
}

/** Creation and deletion are answered before every broker has heard of them. */
async function untilItIs(cluster: KafkaCluster, topic: string, wanted: boolean): Promise<void> {
  const there = async (): Promise<boolean> =>
    offsetRange(cluster, topic).then(
      () => true,
      () => false,
    );
  await waitFor(async () => (await there()) === wanted, { what: `the topic ${topic} to be ${wanted ? "there" : "gone"}` });
}

/** Forgets the records below this offset, as retention does. */
export async function forgetRecords(cluster: KafkaCluster, topic: string, below: number): Promise<void> {
  await cluster.admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: BigInt(below) }] }] });
}
