import { afterAll, describe, expect, test } from "vitest";
import { ensureTopic, readTopicSettings, topicFaults } from "../../../connectors/kafka/topic.ts";
import { uniqueName } from "../../support/databases.ts";
import { freshTopic, kafkaConfiguration, testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

const maxEventBytes = 2 << 20;

/** What the broker says of it, once every broker has heard of it. */
async function faultsOf(topic: string): Promise<string[]> {
  const leader = await waitFor(async () => cluster.leader(topic), { what: "the topic to have a leader" });
  return topicFaults(topic, leader, await readTopicSettings(cluster, topic), maxEventBytes, false).map(({ what }) => what);
}

describe("ensureTopic", () => {
  const configuration = { ...kafkaConfiguration(["unused:1"]), maxEventBytes };

  test("creates a topic without a fault, finds it the next time, and raises the size of its batches when events grow", async () => {
    const topic = uniqueName("topic");
    expect(await ensureTopic(cluster, topic, configuration, false)).toBe("created");
    expect(await faultsOf(topic)).toEqual([]);
    expect(await readTopicSettings(cluster, topic)).toMatchObject({
      cleanupPolicy: "delete",
      retentionMs: 14 * 24 * 3600 * 1000,
      uncleanElection: false,
    });
    expect(await ensureTopic(cluster, topic, configuration, false)).toBe("present");
    expect(await ensureTopic(cluster, topic, { ...configuration, maxEventBytes: 4 << 20 }, false)).toBe("raised");
    expect(await ensureTopic(cluster, topic, configuration, false)).toBe("present");
  });

  test("leaves the settings of a topic alone that somebody has made", async () => {
    const topic = await freshTopic(cluster, { "retention.ms": "60000", "compression.type": "zstd" });
    expect(await ensureTopic(cluster, topic, configuration, false)).toBe("present");
    expect(await readTopicSettings(cluster, topic)).toMatchObject({ retentionMs: 60_000, compression: "zstd" });
    expect(await faultsOf(topic)).toEqual([]);
  });

  test("refuses one that would lose events, and leaves it alone", async () => {
    const topic = await freshTopic(cluster, { "cleanup.policy": "compact", "max.message.bytes": "1000" });
    const cure = expect.stringMatching(/^kafka-configs --bootstrap-server \S+ --alter --topic \S+ --add-config cleanup\.policy=delete$/);
    await expect(ensureTopic(cluster, topic, configuration, false)).rejects.toMatchObject({ code: "TOPIC_UNSUITABLE", cure });
    expect(await readTopicSettings(cluster, topic)).toMatchObject({ cleanupPolicy: "compact", maxMessageBytes: 1000 });
  });

  test("in production it asks for two replicas in sync, which one broker cannot give", async () => {
    const topic = uniqueName("topic");
    await expect(ensureTopic(cluster, topic, { ...configuration, replicationFactor: 3 }, true)).rejects.toMatchObject({
      code: "KAFKA_REFUSED",
      message: expect.stringContaining("INVALID_REPLICATION_FACTOR"),
    });
    expect(await ensureTopic(cluster, topic, configuration, true)).toBe("created");
    await waitFor(async () => cluster.leader(topic), { what: "the topic to have a leader" });
    expect(await readTopicSettings(cluster, topic)).toMatchObject({ minInSyncReplicas: 2 });
  });
});

describe("KafkaCluster", () => {
  test("knows the leader of a topic and the topic's id, and which topics there are not", async () => {
    const topic = await freshTopic(cluster);
    const leader = await cluster.leader(topic);
    expect(leader).toMatchObject({ partitions: 1, replicas: 1, leaderEpoch: 0, topicId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    await expect(cluster.leader(uniqueName("never"))).rejects.toMatchObject({ code: "TOPIC_MISSING" });
  });

  test("that is not there cannot be reached", async () => {
    const nobody = testCluster(["127.0.0.1:1"]);
    await expect(nobody.leader("topic")).rejects.toMatchObject({ code: "KAFKA_UNREACHABLE", message: expect.stringContaining("ECONNREFUSED") });
    await nobody.close();
  });
});
