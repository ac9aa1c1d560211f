/**
 * Where a partition begins and ends, and where a group says that it is. Committed offsets are for other people's lag tools only: an applier's
 * position is in its target.
 *
 * Source: Apache Kafka documentation, "Protocol", ListOffsets, OffsetCommit.
 */
import { ListOffsetTimestamps } from "@platformatic/kafka";
import type { KafkaCluster } from "./cluster.ts";
import { kafkaError, missingTopic } from "./kafka-errors.ts";

export interface OffsetRange {
  /** The first record that is still there. */
  readonly start: number;
  /** The next record that will be written. */
  readonly end: number;
}

/** @throws OfftakeError TOPIC_MISSING, KAFKA_UNREACHABLE, KAFKA_REFUSED */
export async function offsetRange(cluster: KafkaCluster, topic: string): Promise<OffsetRange> {
  const at = async (timestamp: bigint): Promise<number> => {
    const topics = await cluster.admin.listOffsets({ topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }] });
    return Number(topics[0]?.partitions[0]?.offset ?? 0n);
  };
  try {
    return { start: await at(ListOffsetTimestamps.EARLIEST), end: await at(ListOffsetTimestamps.LATEST) };
  } catch (error) {
    throw missingTopic(error, topic) ?? kafkaError(error, `list the offsets of the topic ${topic}`);
  }
}

/** The group of a service's applier. */
export function groupOf(service: string): string {
  return `offtake.${service}`;
}

/** @param offset the next record that the group will read */
export async function commitOffset(cluster: KafkaCluster, group: string, topic: string, offset: number): Promise<void> {
  try {
    await cluster.admin.alterConsumerGroupOffsets({
      groupId: group,
      topics: [{ name: topic, partitionOffsets: [{ partition: 0, offset: BigInt(offset) }] }],
    });
  } catch (error) {
    throw kafkaError(error, `commit the offset of the group ${group}`);
  }
}

/** @returns what commitOffset() has committed last; undefined for a group that never has */
export async function committedOffset(cluster: KafkaCluster, group: string, topic: string): Promise<number | undefined> {
  try {
    const groups = await cluster.admin.listConsumerGroupOffsets({ groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] }] });
    const found = groups[0]?.topics.find(({ name }) => name === topic)?.partitions[0]?.committedOffset ?? -1n;
    return found < 0n ? undefined : Number(found);
  } catch (error) {
    throw kafkaError(error, `read the offset of the group ${group}`);
  }
}
