/**
 * A service's topic: one partition, so that commit order is the topic's order; never compacted, since compaction takes links out of the chain of
 * transactions and refuses records without a key.
 *
 * Source: Apache Kafka documentation, "Topic Configs".
 */
import { setTimeout as pause } from "node:timers/promises";
import { ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from "@platformatic/kafka";
import type { KafkaConfiguration } from "../../services/runtime/configuration.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { type KafkaCluster, type Leader } from "./cluster.ts";
import { type Compression, compressionOf } from "./compression.ts";
import { brokerAnswer, kafkaError } from "./kafka-errors.ts";
import { offsetRange } from "./offsets.ts";
import { fullBatchBytes } from "./record-batch.ts";

export interface TopicSettings {
  readonly cleanupPolicy: string;
  readonly maxMessageBytes: number;
  /** -1 for ever. */
  readonly retentionMs: number;
  readonly minInSyncReplicas: number;
  readonly uncleanElection: boolean;
  readonly compression: Compression;
}

/** Settings of a topic as the broker applies them. @throws OfftakeError */
export async function readTopicSettings(cluster: KafkaCluster, topic: string): Promise<TopicSettings> {
  let described;
  try {
    described = await cluster.admin.describeConfigs({ resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }] });
  } catch (error) {
    throw kafkaError(error, `describe the settings of the topic ${topic}`);
  }
  const settings = new Map(described[0]?.configs.map((entry) => [entry.name, entry.value ?? ""]));
  const value = (name: string): string => settings.get(name) ?? "";
  return {
    cleanupPolicy: value("cleanup.policy"),
    maxMessageBytes: Number(value("max.message.bytes")),
    retentionMs: Number(value("retention.ms")),
    minInSyncReplicas: Number(value("min.insync.replicas")),
    uncleanElection: value("unclean.leader.election.enable") === "true",
    compression: compressionOf(value("compression.type")),
  };
}

/**
 * What max.message.bytes has to be: Kafka's limit is of a batch, not of a record. A batch has room for one of the largest events behind all that it may
 * hold before; with less, events of which each is allowed would be refused together. Compression makes random bytes a little longer.
 */
export function maxBatchBytes(maxEventBytes: number): number {
  const largest = fullBatchBytes + maxEventBytes;
  return largest + Math.ceil(largest / 256);
}

/** One thing that is wrong with a topic, and the cure. */
export interface TopicFault {
  readonly what: string;
  readonly cure: string;
}

/**
 * Everything about a topic that would lose events or refuse them. Pure.
 *
 * @param production whether the installation promises to survive the loss of a broker
 */
export function topicFaults(topic: string, leader: Leader, settings: TopicSettings, maxEventBytes: number, production: boolean): TopicFault[] {
  const faults: TopicFault[] = [];
  const set = (setting: string): string =>
    `kafka-configs --bootstrap-server ${leader.host}:${leader.port} --alter --topic ${topic} --add-config ${setting}`;
  if (leader.partitions !== 1)
    faults.push({
      what: `has ${leader.partitions} partitions, where commit order needs exactly one`,
      cure: "Delete the topic and let `offtake up` create it.",
    });
  if (settings.cleanupPolicy !== "delete")
    faults.push({ what: `has cleanup.policy=${settings.cleanupPolicy}, which takes transactions out of it`, cure: set("cleanup.policy=delete") });
  if (settings.maxMessageBytes < maxBatchBytes(maxEventBytes))
    faults.push({
      what: `takes batches of ${settings.maxMessageBytes} bytes, and kafka.maxEvent (${maxEventBytes}) needs ${maxBatchBytes(maxEventBytes)}`,
      cure: set(`max.message.bytes=${maxBatchBytes(maxEventBytes)}`),
    });
  if (production && leader.replicas < 3)
    faults.push({
      what: `has ${leader.replicas} replicas; mode: production needs 3`,
      cure: "Reassign its partition to three brokers (kafka-reassign-partitions).",
    });
  if (production && settings.minInSyncReplicas < 2)
    faults.push({ what: `has min.insync.replicas=${settings.minInSyncReplicas}; mode: production needs 2`, cure: set("min.insync.replicas=2") });
  if (settings.uncleanElection)
    faults.push({
      what: "may elect a leader that lacks acknowledged events (unclean.leader.election.enable)",
      cure: set("unclean.leader.election.enable=false"),
    });
  return faults;
}

/**
 * Creates the topic if it is missing; leaves one that is there alone but for max.message.bytes, which is raised to the largest batch.
 *
 * @returns what was done
 * @throws OfftakeError KAFKA_UNREACHABLE, KAFKA_REFUSED, KAFKA_NOT_ALLOWED; TOPIC_UNSUITABLE for one that is there and wrong in anything else
 */
export async function ensureTopic(
  cluster: KafkaCluster,
  topic: string,
  configuration: KafkaConfiguration,
  production: boolean,
): Promise<"created" | "raised" | "present"> {
  const maxMessageBytes = maxBatchBytes(configuration.maxEventBytes);
  try {
    await cluster.admin.createTopics({
      topics: [topic],
      partitions: 1,
      replicas: configuration.replicationFactor,
      configs: [
        { name: "cleanup.policy", value: "delete" },
        { name: "max.message.bytes", value: String(maxMessageBytes) },
        { name: "retention.ms", value: String(retentionMs) },
        { name: "unclean.leader.election.enable", value: "false" },
        ...(production ? [{ name: "min.insync.replicas", value: "2" }] : []),
      ],
    });
    await untilUsable(cluster, topic);
    return "created";
  } catch (error) {
    if (brokerAnswer(error) !== "TOPIC_ALREADY_EXISTS") throw kafkaError(error, `create the topic ${topic}`);
  }
  const settings = await readTopicSettings(cluster, topic);
  // What this cannot mend would be found by the broker, or by nobody, when the first record is written.
  const raised = { ...settings, maxMessageBytes: Math.max(settings.maxMessageBytes, maxMessageBytes) };
  refuseFaultyTopic(topic, topicFaults(topic, await cluster.leader(topic), raised, configuration.maxEventBytes, production));
  if (settings.maxMessageBytes >= maxMessageBytes) return "present";
  try {
    await cluster.admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: ConfigResourceTypes.TOPIC,
          resourceName: topic,
          configs: [{ name: "max.message.bytes", configOperation: IncrementalAlterConfigOperationTypes.SET, value: String(maxMessageBytes) }],
        },
      ],
    });
  } catch (error) {
    throw kafkaError(error, `raise max.message.bytes of the topic ${topic}`);
  }
  return "raised";
}

/** Milliseconds until a topic that was created has to answer. */
const usableLimitMs = 30_000;

/** A creation is answered before the brokers have heard of it: whoever asked at once was told that there is no such topic. */
async function untilUsable(cluster: KafkaCluster, topic: string): Promise<void> {
  for (const limit = performance.now() + usableLimitMs; ;) {
    try {
      await offsetRange(cluster, topic);
      return;
    } catch (error) {
      if (performance.now() > limit) throw error;
      await pause(50);
    }
  }
}

/** Two weeks: longer than the outage of a target that a team lets happen over holidays. */
const retentionMs = 14 * 24 * 3600 * 1000;

/** The first fault as an error, for those who are about to write to the topic or read it. */
export function refuseFaultyTopic(topic: string, faults: readonly TopicFault[]): void {
  const [fault] = faults;
  if (fault !== undefined) throw new OfftakeError("TOPIC_UNSUITABLE", `The topic ${topic} ${fault.what}.`, { cure: fault.cure });
}
