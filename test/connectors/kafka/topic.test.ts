import { describe, expect, test } from "vitest";
import type { Leader } from "../../../connectors/kafka/cluster.ts";
import { fullBatchBytes } from "../../../connectors/kafka/record-batch.ts";
import { maxBatchBytes, refuseFaultyTopic, topicFaults, type TopicSettings } from "../../../connectors/kafka/topic.ts";

const leader: Leader = { topicId: "id", partitions: 1, replicas: 3, host: "broker", port: 9092, leaderEpoch: 0 };
const maxEvent = 64 << 20;
const settings: TopicSettings = {
  cleanupPolicy: "delete",
  maxMessageBytes: maxBatchBytes(maxEvent),
  retentionMs: -1,
  minInSyncReplicas: 2,
  uncleanElection: false,
  compression: "none",
};

function faults(changed: Partial<Leader & TopicSettings>, production = true): string[] {
  return topicFaults("offtake.api", { ...leader, ...changed }, { ...settings, ...changed }, maxEvent, production).map(({ what }) => what);
}

describe("topicFaults", () => {
  test("finds nothing in a topic that keeps every event in order", () => {
    expect(faults({})).toEqual([]);
  });

  test.each<[string, Partial<Leader & TopicSettings>, RegExp]>([
    ["more than one partition has no order", { partitions: 3 }, /^has 3 partitions/],
    ["compaction takes links out of the chain", { cleanupPolicy: "compact" }, /^has cleanup.policy=compact/],
    ["so does compaction beside retention", { cleanupPolicy: "compact,delete" }, /^has cleanup.policy=compact,delete/],
    ["a batch with the largest event must fit", { maxMessageBytes: maxBatchBytes(maxEvent) - 1 }, /^takes batches of \d+ bytes/],
    ["two replicas lose an event with the second broker", { replicas: 2 }, /^has 2 replicas/],
    ["one replica in sync is no copy", { minInSyncReplicas: 1 }, /^has min.insync.replicas=1/],
    ["an unclean leader lacks acknowledged events", { uncleanElection: true }, /^may elect a leader/],
  ])("%s", (_, changed, what) => {
    expect(faults(changed)).toEqual([expect.stringMatching(what)]);
  });

  test("takes in development what a single broker has", () => {
    expect(faults({ replicas: 1, minInSyncReplicas: 1 }, false)).toEqual([]);
    expect(faults({ replicas: 1, minInSyncReplicas: 1 })).toHaveLength(2);
  });

  test("names every fault, each with its cure, and refuses the topic with the first", () => {
    const found = topicFaults("offtake.api", { ...leader, partitions: 2 }, { ...settings, cleanupPolicy: "compact" }, maxEvent, true);
    expect(found[1]!.cure).toBe("kafka-configs --bootstrap-server broker:9092 --alter --topic offtake.api --add-config cleanup.policy=delete");
    expect(() => refuseFaultyTopic("offtake.api", found)).toThrow(
      expect.objectContaining({ code: "TOPIC_UNSUITABLE", message: expect.stringContaining("2 partitions") }),
    );
    expect(() => refuseFaultyTopic("offtake.api", [])).not.toThrow();
  });
});

test("the largest batch has room for the largest event behind a batch that is almost full", () => {
  for (const event of [65_536, maxEvent, 1 << 30]) expect(maxBatchBytes(event)).toBeGreaterThan(fullBatchBytes + event);
});
