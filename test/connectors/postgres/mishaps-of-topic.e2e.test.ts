/** What somebody, or a broker, may do to a topic, while connector and applier run or not. */
import { afterAll, expect, test } from "vitest";
import { offsetRange } from "../../../connectors/kafka/offsets.ts";
import { transactionalIdOf } from "../../../connectors/kafka/producer-id.ts";
import { stopsAs } from "../../mishaps/mishaps.ts";
import type { Pipeline } from "../../support/pipeline.ts";
import type { RunningUnit } from "../../support/running-unit.ts";
import { mended } from "../../support/start-over.ts";
import { TopicEvents } from "../../support/topic-events.ts";
import { deleteTopic, forgetRecords, freshTopic, testCluster } from "../../support/topics.ts";
import { caughtUp, stateOf } from "../../services/apply/same-texts.ts";
import { readBatches } from "../kafka/read-topic.ts";
import { RecordedProducer } from "../kafka/recorded-producer.ts";
import { published } from "./published-pipeline.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

interface Both extends AsyncDisposable {
  readonly connector: RunningUnit;
  readonly applier: RunningUnit;
}

/** Both at work, with all that was published applied. */
async function bothOf(pipeline: Pipeline): Promise<Both> {
  const connector = pipeline.startConnector();
  const applier = pipeline.startApplier();
  await caughtUp(pipeline, [connector, applier]);
  return {
    connector,
    applier,
    async [Symbol.asyncDispose]() {
      await connector[Symbol.asyncDispose]();
      await applier[Symbol.asyncDispose]();
    },
  };
}

/** What both end with when they are started now. */
async function startsOf(pipeline: Pipeline): Promise<unknown[]> {
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  return await Promise.all([connector.ended, applier.ended]);
}

test("topic: it is deleted", async () => {
  await using pipeline = await published();
  const stops = stopsAs("topic", "it is deleted");
  await using both = await bothOf(pipeline);
  await deleteTopic(cluster, pipeline.service.topic);
  await pipeline.source.query("INSERT INTO t VALUES (4)");
  expect(await both.connector.ended).toMatchObject(stops);
  expect(await both.applier.ended).toMatchObject(stops);
  expect(await startsOf(pipeline)).toMatchObject([stops, stops]);
  await mended(pipeline, await both.applier.ended);
});

test("topic: it is deleted and made again while nothing runs", async () => {
  await using pipeline = await published();
  {
    await using both = await bothOf(pipeline);
    await both.connector.stop();
    await both.applier.stop();
  }
  await deleteTopic(cluster, pipeline.service.topic);
  await freshTopic(cluster, {}, pipeline.service.topic);
  const stops = stopsAs("topic", "it is deleted and made again while nothing runs");
  // A second look does not find it mended.
  for (const _ of [1, 2])
    expect(await startsOf(pipeline)).toMatchObject([
      { ...stops, code: "TOPIC_WITHOUT_TAIL", message: expect.stringContaining("it is empty") },
      { ...stops, code: "TOPIC_RECREATED" },
    ]);
  // `up` does not make it good in silence either.
  await expect(pipeline.up()).rejects.toMatchObject({ ...stops, code: "TOPIC_WITHOUT_TAIL" });
  await using connector = pipeline.startConnector();
  await mended(pipeline, await connector.ended);
});

test("topic: it is deleted and made again while both run", async () => {
  await using pipeline = await published();
  await using both = await bothOf(pipeline);
  await deleteTopic(cluster, pipeline.service.topic);
  await freshTopic(cluster, {}, pipeline.service.topic);
  await pipeline.source.query("INSERT INTO t VALUES (4)");
  const stops = stopsAs("topic", "it is deleted and made again while both run");
  const error = await both.connector.ended;
  expect([error, await both.applier.ended]).toMatchObject([stops, stops]);
  expect((await startsOf(pipeline))[1]).toMatchObject({ ...stops, code: "TOPIC_RECREATED" });
  // What went into it meanwhile does not pass for its beginning.
  await using connector = pipeline.startConnector();
  expect((await connector.ended)?.code).toMatch(/^(TOPIC_RECREATED|TOPIC_WITHOUT_TAIL)$/);
  await mended(pipeline, error);
});

test("topic: it has lost its end (unclean election, a restored disk)", async () => {
  await using pipeline = await published();
  {
    await using both = await bothOf(pipeline);
    await both.connector.stop();
    await both.applier.stop();
  }
  const { topic } = pipeline.service;
  const batches = await readBatches(cluster, topic);
  await deleteTopic(cluster, topic);
  await freshTopic(cluster, {}, topic);
  // As a broker would have it that came back from an old copy of its disk: the marker of its opening, and the first transaction.
  await using recorded = await RecordedProducer.start(cluster, topic, transactionalIdOf(pipeline.connector.name));
  for (const batch of batches.filter(({ offset }) => offset <= 3)) recorded.send(batch.records);
  await recorded.drained();
  const stops = stopsAs("topic", "it has lost its end (unclean election, a restored disk)");
  await using connector = pipeline.startConnector();
  const error = await connector.ended;
  expect(error).toMatchObject(stops);
  const { topicId } = await cluster.leader(topic);
  await pipeline.target.query("UPDATE offtake.applied_position SET topic_id = $1", [topicId]);
  {
    await using applier = pipeline.startApplier();
    expect(await applier.ended).toMatchObject(stops);
  }
  // Grown again, it has something else where the target has read.
  await using grown = await RecordedProducer.start(cluster, topic);
  for (let more = 0; more < batches.length; more += 1) grown.send(batches[0]!.records);
  await grown.drained();
  await using applier = pipeline.startApplier();
  expect(await applier.ended).toMatchObject({ ...stops, message: expect.stringContaining("and others took their place") });
  await mended(pipeline, error);
});

test("topic: records that the target has are deleted, or expire", async () => {
  await using pipeline = await published();
  await using both = await bothOf(pipeline);
  const { topic } = pipeline.service;
  await forgetRecords(cluster, topic, (await offsetRange(cluster, topic)).end - 1);
  await pipeline.source.query("INSERT INTO t VALUES (4)");
  await caughtUp(pipeline, [both.connector, both.applier]);
  await both.connector.stop();
  await both.applier.stop();
  await using again = await bothOf(pipeline);
  await pipeline.source.query("INSERT INTO t VALUES (5)");
  await caughtUp(pipeline, [again.connector, again.applier]);
  // All of it, under a connector that goes on: what it publishes next is at its beginning, and linked to what the target has.
  await forgetRecords(cluster, topic, (await offsetRange(cluster, topic)).end);
  await pipeline.source.query("INSERT INTO t VALUES (6)");
  await caughtUp(pipeline, [again.connector, again.applier]);
  expect(await stateOf(pipeline.target, { t: "id" })).toEqual(await stateOf(pipeline.source, { t: "id" }));
  await again.connector.stop();
  await again.applier.stop();
});

test("topic: records that the target does not have are deleted, or expire", async () => {
  await using pipeline = await published();
  const { source, service } = pipeline;
  const stops = stopsAs("topic", "records that the target does not have are deleted, or expire");
  await using both = await bothOf(pipeline);
  await both.applier.stop();
  await using topic = new TopicEvents(pipeline);
  await source.query("INSERT INTO t VALUES (4)");
  await topic.drained();
  await forgetRecords(cluster, service.topic, (await offsetRange(cluster, service.topic)).end);
  await source.query("INSERT INTO t VALUES (5)");
  await topic.drained();
  for (const _ of [1, 2]) {
    await using applier = pipeline.startApplier();
    expect(await applier.ended).toMatchObject(stops);
  }
  await both.connector.stop();
  await using applier = pipeline.startApplier();
  await mended(pipeline, await applier.ended);
});

test("topic: every record is deleted, or expires, while nothing runs", async () => {
  await using pipeline = await published();
  const { topic } = pipeline.service;
  await forgetRecords(cluster, topic, (await offsetRange(cluster, topic)).end);
  await using connector = pipeline.startConnector();
  const error = await connector.ended;
  expect(error).toMatchObject({
    ...stopsAs("topic", "every record is deleted, or expires, while nothing runs"),
    message: expect.stringContaining("retention has removed every record"),
  });
  await mended(pipeline, error);
});
