/**
 * Why a connector does not start, each with its real cause. Nothing may be published behind a gap. What somebody did to slot, topic or server is in
 * mishaps-of-*, what is wrong with servers, rights and publications in bad-input-*.
 */
import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { runConnector } from "../../../connectors/postgres/connector.ts";
import type { Configuration } from "../../../services/runtime/configuration.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";
import { TopicEvents } from "../../support/topic-events.ts";
import { testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { published, recordsIn } from "./published-pipeline.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

/** With another mode than the pipeline's own. */
function startWith(pipeline: Pipeline, changed: Partial<Configuration>): RunningUnit {
  const { connector, service, metrics } = pipeline;
  const configuration = { ...pipeline.configuration, ...changed };
  return startUnit(async ({ log, working, interruption, signal }) =>
    runConnector({ configuration, connector, service, log, metrics, capturing: working, interruption }, signal),
  );
}

/** What it ends with before it does any work, and that it has published nothing. */
async function refusal(pipeline: Pipeline, unit: RunningUnit = pipeline.startConnector()): Promise<string> {
  const error = await unit.ended;
  await expect(unit.working).rejects.toBeInstanceOf(Error);
  return `${error?.code} ${error?.message}`;
}

describe("a connector does not go on", () => {
  test("when its topic is compacted, and goes on when that was undone", async () => {
    await using pipeline = await published();
    await cluster.admin.alterConfigs({
      resources: [
        {
          resourceType: 2,
          resourceName: pipeline.service.topic,
          configs: [
            { name: "cleanup.policy", value: "compact" },
            { name: "max.message.bytes", value: "80000000" },
          ],
        },
      ],
    });
    expect(await refusal(pipeline)).toMatch(/^TOPIC_UNSUITABLE .*cleanup.policy=compact/);
    await cluster.admin.alterConfigs({
      resources: [
        {
          resourceType: 2,
          resourceName: pipeline.service.topic,
          configs: [
            { name: "cleanup.policy", value: "delete" },
            { name: "max.message.bytes", value: "80000000" },
          ],
        },
      ],
    });
    await using connector = pipeline.startConnector();
    await connector.working;
    await connector.stop();
  });

  test("when its publication is missing, or another one, under which its newest transaction does not come again", async () => {
    await using pipeline = await published();
    const { publication } = pipeline.connector;
    await using topic = new TopicEvents(pipeline);
    await using before = pipeline.startConnector();
    await pipeline.source.query("INSERT INTO t VALUES (4)");
    // Its newest transaction is one of rows: heartbeats come whatever the publication holds.
    await waitFor(async () => (await topic.read()).events.length === 4, { what: "the row" });
    await before.stop();
    const other = `${publication}_other`;
    expect(await refusal(pipeline, pipeline.startConnector({ publication: other }))).toMatch(/^PUBLICATION_MISSING /);
    await pipeline.source.query(`CREATE PUBLICATION ${other} FOR TABLE t`);
    await pipeline.source.query("INSERT INTO t VALUES (5)");
    await using connector = pipeline.startConnector({ publication: other });
    expect(await connector.ended).toMatchObject({ code: "TAIL_DIFFERS" });
    expect(await recordsIn(pipeline)).toBe(4);
  });

  test("when its slot is for something else", async () => {
    await using pipeline = await published();
    const { slot } = pipeline.connector;
    await pipeline.source.query("SELECT pg_drop_replication_slot($1)", [slot]);
    await pipeline.source.query("SELECT pg_create_physical_replication_slot($1)", [slot]);
    expect(await refusal(pipeline)).toMatch(/^SLOT_UNSUITABLE .*physical replication/);
    await pipeline.source.query("SELECT pg_drop_replication_slot($1)", [slot]);
  });

  test("in production with what only development takes", async () => {
    await using pipeline = await published();
    expect(await refusal(pipeline, startWith(pipeline, { mode: "production" }))).toMatch(/^TOPIC_UNSUITABLE .*has 1 replicas/);
  });
});

test("`up` finds everything there the second time, and says each time which rows were there before", async () => {
  await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  expect(await pipeline.up()).toMatchObject({ publication: "created", topic: "created", slot: "created", notCopied: ["public.t"] });
  // Nobody has copied them in between: whoever sees only the second run has to know it as well.
  expect(await pipeline.up()).toMatchObject({ publication: "present", topic: "present", slot: "present", notCopied: ["public.t"] });
  await using connector = pipeline.startConnector();
  await connector.working;
  await using topic = new TopicEvents(pipeline);
  await pipeline.source.query("INSERT INTO t VALUES (2)");
  expect((await topic.drained()).map(({ after }) => after)).toEqual([{ id: 2 }]);
  expect(topic.records.filter(({ op }) => op === "m").length).toBeGreaterThanOrEqual(3);
  expect(await pipeline.up()).toMatchObject({ slot: "present" });
  await connector.stop();
});

test("`up` says which tables of the target have rows already, also where the monolith's are empty: no event would ever take them away", async () => {
  await using pipeline = await createPipeline(
    "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY); CREATE TABLE v (id int PRIMARY KEY); INSERT INTO v VALUES (1)",
  );
  await pipeline.target.query("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE TABLE u (id int PRIMARY KEY)");
  expect(await pipeline.up({ createTables: false })).toMatchObject({ slot: "created", notCopied: ["public.t", "public.v"] });
});

test("an `up` that was interrupted between topic and slot goes on where it was", async () => {
  await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY)");
  // The opening transaction holds the slot's creation back until it ends.
  const blocker = new pg.Client(pipeline.sourceUrl);
  await blocker.connect();
  await blocker.query("BEGIN; INSERT INTO t VALUES (1)");
  const first = pipeline.up();
  first.catch(() => undefined);
  await expect
    .poll(
      async () =>
        (
          await pipeline.source.query(
            "SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE_REPLICATION_SLOT%' AND datname = current_database() AND state = 'active'",
          )
        ).rowCount,
      { timeout: 60_000 },
    )
    .toBe(1);
  await pipeline.source.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE_REPLICATION_SLOT%' AND datname = current_database()",
  );
  await expect(first).rejects.toMatchObject({ code: "SOURCE_UNREACHABLE" });
  await blocker.query("COMMIT");
  await blocker.end();
  await using early = pipeline.startConnector();
  expect(await early.ended).toMatchObject({ code: "SLOT_MISSING" });
  expect(await pipeline.up()).toMatchObject({ slot: "created", notCopied: ["public.t"] });
  await using connector = pipeline.startConnector();
  await connector.working;
  await connector.stop();
});
