/** The monolith fails over to a physical standby: with its slots, without them, and behind what Kafka has. */
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { formatLsn } from "../../../connectors/postgres/lsn.ts";
import { readSlot } from "../../../connectors/postgres/slot.ts";
import { SlotWatch } from "../../../connectors/postgres/slot-watch.ts";
import type { PostgresStandby } from "../../../infra/local/postgres-standby.ts";
import { readPosition } from "../../../services/apply/position.ts";
import { check } from "../../../services/cli/check.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { stopsAs } from "../../mishaps/mishaps.ts";
import { FailoverServer } from "../../support/failover.ts";
import { createPipeline, type Pipeline, type PipelineOptions } from "../../support/pipeline.ts";
import { mended } from "../../support/start-over.ts";
import { chainFaults, TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp, stateOf } from "../../services/apply/same-texts.ts";

const [source, sixteen] = await Promise.all([FailoverServer.start(), FailoverServer.start(16)]);
const schema = "CREATE TABLE t (id int PRIMARY KEY, note text)";
const tables = { t: "id" };

async function pipelineOn(server: FailoverServer, options: PipelineOptions = {}): Promise<Pipeline> {
  const servers = { source: server.url(), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  return createPipeline(schema, { ...options, servers });
}

/** The pipeline with sessions of the server that is the primary now. */
async function moved(pipeline: Pipeline, server = source): Promise<Pipeline> {
  return { ...pipeline, source: await server.session(server.primary, pipeline.connector.slot) };
}

async function insert(client: Client, ...ids: number[]): Promise<void> {
  for (const id of ids) await client.query("INSERT INTO t VALUES ($1, 'n')", [id]);
}

/**
 * Waits until the standby has the slot for good. What the primary logs now and then, it is made to log at once; the standby, which looks less and less often
 * where nothing happens, is woken.
 */
async function synchronised(standby: PostgresStandby, slot: string): Promise<void> {
  const [primary, copy] = [await source.session(source.primary), await source.session(standby)];
  await waitFor(
    async () => {
      await primary.query("SELECT pg_log_standby_snapshot()");
      await copy.query("SELECT pg_reload_conf()");
      const { rowCount } = await copy.query("SELECT FROM pg_replication_slots WHERE slot_name = $1 AND synced AND NOT temporary", [slot]);
      return rowCount === 1;
    },
    { what: "the standby to have the slot", timeout: 60_000 },
  );
}

test("source: a standby is promoted that has the slot", async () => {
  const standby = await source.addStandby({ sync_replication_slots: "on" });
  await using first = await pipelineOn(source, { failover: true, heartbeatEvery: "200ms" });
  await first.up();
  expect(await readSlot(first.source, first.connector.slot)).toMatchObject({ failover: true });
  await first.source.query(`ALTER SYSTEM SET synchronized_standby_slots = '${standby.slot}'`);
  await first.source.query("SELECT pg_reload_conf()");
  await using connector = first.startConnector();
  await using applier = first.startApplier();
  await Promise.all([connector.working, applier.working]);
  await insert(first.source, 1, 2, 3);
  await caughtUp(first, [connector, applier]);
  await synchronised(standby, first.connector.slot);
  expect((await check(first.configuration)).filter(({ where }) => where === "source")).toEqual([expect.objectContaining({ level: "warning" })]);

  // What the standby has not received does not get into the topic: the source holds it back.
  await standby.disconnect();
  await insert(first.source, 4);
  await waitFor(async () => (await readSlot(first.source, first.connector.slot))?.heldBack, { what: "the source to hold the row back" });
  const said: { health?: string }[] = [];
  const say = (text: string): void => {
    const line: { health?: string } = JSON.parse(text);
    said.push(line);
  };
  const { configuration, metrics } = first;
  const watch = new SlotWatch(
    first.source,
    { configuration, connector: first.connector, log: createLog({ env: {}, terminal: false, write: say }), metrics },
    0,
  );
  for (const _ of [1, 2]) await watch.run(AbortSignal.abort());
  expect(said).toMatchObject([{ level: "error", health: "held" }]);
  await source.failOver(standby);
  expect(await connector.ended).toMatchObject({ code: "SOURCE_UNREACHABLE", retry: "yes" });

  const now = await moved(first);
  await using again = first.startConnector();
  await again.working;
  await insert(now.source, 5, 6);
  await now.source.query("UPDATE t SET note = note || '+' WHERE id < 3");
  await caughtUp(now, [again, applier]);
  const state = await stateOf(now.source, tables);
  expect(state["t"]).toHaveLength(5);
  expect(await stateOf(now.target, tables)).toEqual(state);
  await using topic = new TopicEvents(now);
  expect((await topic.drained()).map(({ after, offtake }) => [after?.["id"], offtake.timeline])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
    [5, 2],
    [6, 2],
    [1, 2],
    [2, 2],
  ]);
  expect(chainFaults(topic.records)).toEqual([]);
  expect(await readPosition(now.target, now.connector.name)).toMatchObject({ timeline: 2 });
  await again.stop();
  await applier.stop();
});

describe("a standby that is promoted", () => {
  let without: Pipeline;
  let ahead: Pipeline;

  beforeAll(async () => {
    const standby = await source.addStandby({ sync_replication_slots: "on" });
    without = await pipelineOn(source);
    ahead = await pipelineOn(source, { failover: true, heartbeatEvery: "200ms" });
    for (const pipeline of [without, ahead]) {
      await pipeline.up();
      await using connector = pipeline.startConnector();
      await using applier = pipeline.startApplier();
      await insert(pipeline.source, 1, 2);
      await caughtUp(pipeline, [connector, applier]);
      if (pipeline === ahead) {
        await synchronised(standby, pipeline.connector.slot);
        // Nothing makes the source wait for the standby here.
        await standby.disconnect();
        await insert(pipeline.source, 3);
        await caughtUp(pipeline, [connector, applier]);
      }
    }
    await source.failOver(standby);
    [without, ahead] = [await moved(without), await moved(ahead)];
  });

  afterAll(async () => {
    for (const pipeline of [without, ahead]) await pipeline[Symbol.asyncDispose]();
  });

  test("source: a standby is promoted that does not have the slot", async () => {
    await insert(without.source, 3);
    await using topic = new TopicEvents(without);
    const tail = (await topic.read()).records.at(-1)!.offtake.commit_lsn;
    await using connector = without.startConnector();
    const error = await connector.ended;
    expect(error).toMatchObject({
      ...stopsAs("source", "a standby is promoted that does not have the slot"),
      message: expect.stringMatching(/^The source was promoted, from timeline 2 to 3 at [0-9A-F/]+, and the slot \S+ did not come along: /),
    });
    expect(error?.cure).toContain("failover: true");
    expect(error?.message).toContain(`ends at ${formatLsn(BigInt(tail))}, and what was committed after that is in no stream`);
    await expect(without.up()).rejects.toMatchObject({ code: "SLOT_MISSING", message: error?.message, cure: error?.cure });
    await mended(without, error);
  });

  test("source: a standby is promoted that has the slot, and had not received what is in the topic", async () => {
    await insert(ahead.source, 4);
    await using topic = new TopicEvents(ahead);
    const before = [...(await topic.read()).records];
    await using connector = ahead.startConnector();
    const error = await connector.ended;
    expect(error).toMatchObject({
      ...stopsAs("source", "a standby is promoted that has the slot, and had not received what is in the topic"),
      message: expect.stringMatching(/ends at [0-9A-F/]+ of timeline 2, and the source is on timeline 3, which left it at [0-9A-F/]+\.$/),
    });
    expect((await topic.read()).records).toEqual(before);
    // The target has the row that never happened.
    expect((await stateOf(ahead.target, tables))["t"]).toHaveLength(3);
    await mended(ahead, error);
  });
});

test("source: a standby is promoted that does not have the slot, before PostgreSQL 17", async () => {
  const standby = await sixteen.addStandby();
  // Nobody is promised more.
  await using promised = await pipelineOn(sixteen, { failover: true });
  expect((await check(promised.configuration)).filter(({ level }) => level === "fault")).toContainEqual(
    expect.objectContaining({ where: "source", what: expect.stringContaining("PostgreSQL 16 has no failover slots") }),
  );
  await expect(promised.up()).rejects.toMatchObject({
    code: "SOURCE_UNSUITABLE",
    cure: expect.stringContaining("take `failover` out of offtake.yaml"),
  });
  await using pipeline = await pipelineOn(sixteen);
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await connector.working;
  await insert(pipeline.source, 1);
  await using topic = new TopicEvents(pipeline);
  await topic.drained();
  await connector.stop();
  await sixteen.caughtUp(standby);
  await sixteen.failOver(standby);
  await using again = (await moved(pipeline, sixteen)).startConnector();
  expect(await again.ended).toMatchObject({
    ...stopsAs("source", "a standby is promoted that does not have the slot, before PostgreSQL 17"),
    message: expect.stringMatching(/^The source was promoted, from timeline 1 to 2 at .* what was committed after that is in no stream\.$/),
  });
});

test("source: its address leads to a standby that is not promoted yet", async () => {
  const standby = await source.addStandby({ sync_replication_slots: "on" });
  await using pipeline = await pipelineOn(source, { failover: true, heartbeatEvery: "200ms" });
  await pipeline.up();
  {
    await using connector = pipeline.startConnector();
    await connector.working;
    await insert(pipeline.source, 1);
    await synchronised(standby, pipeline.connector.slot);
    await connector.stop();
  }
  const stops = { code: "SOURCE_IN_RECOVERY", retry: "yes", message: expect.stringContaining("has not been promoted") };
  await source.caughtUp(standby);
  await source.failOver(standby, async () => {
    await using connector = pipeline.startConnector();
    expect(await connector.ended).toMatchObject(stops);
    await expect(pipeline.up()).rejects.toMatchObject(stops);
    expect((await check(pipeline.configuration)).filter(({ level }) => level === "fault")).toContainEqual(
      expect.objectContaining({ where: "source", what: expect.stringContaining("the source is a standby") }),
    );
  });
  const now = await moved(pipeline);
  await using connector = pipeline.startConnector();
  await insert(now.source, 2);
  await using topic = new TopicEvents(now);
  await connector.working;
  expect((await topic.drained()).map(({ after }) => after?.["id"])).toEqual([1, 2]);
  await connector.stop();
});
