/** Why a connector does not start, each with its real cause. Nothing may be published behind a gap. */
import pg from "pg";
import { afterAll, describe, expect, inject, test } from "vitest";
import { transactionalIdOf } from "../../../connectors/kafka/producer-id.ts";
import { runConnector } from "../../../connectors/postgres/connector.ts";
import type { Configuration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase } from "../../support/databases.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";
import { TopicEvents } from "../../support/topic-events.ts";
import { deleteTopic, forgetRecords, freshTopic, testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { readBatches } from "../kafka/read-topic.ts";
import { RecordedProducer } from "../kafka/recorded-producer.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

/** A connector that has published three transactions and was stopped. */
async function published(): Promise<Pipeline> {
  const pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY)");
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await connector.working;
  for (const id of [1, 2, 3]) await pipeline.source.query("INSERT INTO t VALUES ($1)", [id]);
  await using topic = new TopicEvents(pipeline);
  await topic.drained();
  await connector.stop();
  return pipeline;
}

async function recordsIn(pipeline: Pipeline): Promise<number> {
  await using topic = new TopicEvents(pipeline);
  return (await topic.read()).events.length;
}

/** With another source, registry or mode than the pipeline's own. */
function startWith(pipeline: Pipeline, changed: Partial<Configuration>): RunningUnit {
  const { connector, service, metrics } = pipeline;
  const configuration = { ...pipeline.configuration, ...changed };
  return startUnit(async ({ log, working, interruption, signal }) =>
    runConnector({ configuration, connector, service, log, metrics, capturing: working, interruption }, signal),
  );
}

function withUser(url: string, username: string, password: string): { url: Secret; maxRetainedWalBytes: number } {
  const changed = new URL(url);
  changed.username = username;
  changed.password = password;
  return { url: new Secret(changed.href), maxRetainedWalBytes: 1 << 30 };
}

/** What it ends with before it does any work, and that it has published nothing. */
async function refusal(pipeline: Pipeline, unit: RunningUnit = pipeline.startConnector()): Promise<string> {
  const error = await unit.ended;
  await expect(unit.working).rejects.toBeInstanceOf(Error);
  return `${error?.code} ${error?.message}`;
}

describe("a connector does not go on", () => {
  test("when its slot was dropped and made again", async () => {
    await using pipeline = await published();
    const { slot } = pipeline.connector;
    await pipeline.source.query("SELECT pg_drop_replication_slot($1)", [slot]);
    await pipeline.source.query("INSERT INTO t VALUES (4)");
    await pipeline.source.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    expect(await refusal(pipeline)).toMatch(/^SLOT_MOVED /);
    // A second look does not find it mended.
    expect(await refusal(pipeline)).toMatch(/^SLOT_MOVED /);
    expect(await recordsIn(pipeline)).toBe(3);
  });

  test("when its slot was advanced by hand", async () => {
    await using pipeline = await published();
    await pipeline.source.query("INSERT INTO t VALUES (4)");
    await pipeline.source.query("SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", [pipeline.connector.slot]);
    expect(await refusal(pipeline)).toMatch(/^SLOT_MOVED .* which no connector has confirmed/);
    expect(await recordsIn(pipeline)).toBe(3);
  });

  test("when the topic has lost its end", async () => {
    await using pipeline = await published();
    const { topic } = pipeline.service;
    const batches = await readBatches(cluster, topic);
    await deleteTopic(cluster, topic);
    await freshTopic(cluster, {}, topic);
    // As a broker would have it that came back from an old copy of its disk: the marker of its opening, and the first transaction.
    await using recorded = await RecordedProducer.start(cluster, topic, transactionalIdOf(pipeline.connector.name));
    for (const batch of batches.filter(({ offset }) => offset <= 3)) recorded.send(batch.records);
    await recorded.drained();
    expect(await refusal(pipeline)).toMatch(/^TOPIC_LOST_TAIL /);
  });

  test("when its topic was deleted", async () => {
    await using pipeline = await published();
    await deleteTopic(cluster, pipeline.service.topic);
    expect(await refusal(pipeline)).toMatch(/^TOPIC_MISSING /);
  });

  test("when its topic was made again, and is empty", async () => {
    await using pipeline = await published();
    await deleteTopic(cluster, pipeline.service.topic);
    await freshTopic(cluster, {}, pipeline.service.topic);
    expect(await refusal(pipeline)).toMatch(/^TOPIC_WITHOUT_TAIL .*: it is empty/);
    // `up` does not make it good in silence either.
    await expect(pipeline.up()).rejects.toMatchObject({ code: "TOPIC_WITHOUT_TAIL" });
  });

  test("when every record of its topic has expired", async () => {
    await using pipeline = await published();
    const batches = await readBatches(cluster, pipeline.service.topic);
    await forgetRecords(cluster, pipeline.service.topic, batches.at(-1)!.offset + batches.at(-1)!.records.length);
    expect(await refusal(pipeline)).toMatch(/^TOPIC_WITHOUT_TAIL .*: retention has removed every record/);
  });

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

  test("when its source is another cluster, with a slot and a publication of the same names", async () => {
    await using pipeline = await published();
    await using elsewhere = await freshDatabase("target");
    const { publication, slot } = pipeline.connector;
    const client = new pg.Client(elsewhere.url);
    await client.connect();
    await client.query(`CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION ${publication} FOR TABLE t`);
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    await client.end();
    const source = { url: new Secret(elsewhere.url), maxRetainedWalBytes: 1 << 30 };
    expect(await refusal(pipeline, startWith(pipeline, { source }))).toMatch(/^SOURCE_IDENTITY_CHANGED /);
    // Nor the next time: nothing of the other cluster was put into the topic that could vouch for it.
    expect(await refusal(pipeline, startWith(pipeline, { source }))).toMatch(/^SOURCE_IDENTITY_CHANGED /);
    await using connector = pipeline.startConnector();
    await connector.working;
    await connector.stop();
    expect(await recordsIn(pipeline)).toBe(3);
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

  test("when its publication leaves out a table or a kind of change", async () => {
    await using pipeline = await published();
    const { publication } = pipeline.connector;
    await pipeline.source.query(`ALTER PUBLICATION ${publication} SET (publish = 'insert')`);
    expect(await refusal(pipeline)).toMatch(/^PUBLICATION_DIFFERS .*does not publish update, delete, truncate/);
    await pipeline.source.query(`ALTER PUBLICATION ${publication} SET (publish = 'insert, update, delete, truncate')`);
    await pipeline.source.query(`CREATE TABLE u (); ALTER PUBLICATION ${publication} SET TABLE u`);
    expect(await refusal(pipeline)).toMatch(/^PUBLICATION_DIFFERS .*does not hold the table public.t/);
  });

  test("when its slot is missing, or is for something else", async () => {
    await using pipeline = await published();
    const { slot } = pipeline.connector;
    await pipeline.source.query("SELECT pg_drop_replication_slot($1)", [slot]);
    expect(await refusal(pipeline)).toMatch(/^SLOT_MISSING /);
    await expect(pipeline.up()).rejects.toMatchObject({ code: "SLOT_MISSING" });
    await pipeline.source.query("SELECT pg_create_physical_replication_slot($1)", [slot]);
    expect(await refusal(pipeline)).toMatch(/^SLOT_UNSUITABLE .*physical replication/);
    await pipeline.source.query("SELECT pg_drop_replication_slot($1)", [slot]);
  });

  test("while another reads its slot, and goes on when that has gone", async () => {
    await using pipeline = await published();
    await using first = pipeline.startConnector();
    await first.working;
    expect(await refusal(pipeline)).toMatch(/^SLOT_IN_USE .*active for PID \d+/);
    await pipeline.source.query("INSERT INTO t VALUES (4)");
    await first.stop();
    await using second = pipeline.startConnector();
    await second.working;
    await second.stop();
  });

  test("with a wrong password, without the right to replicate, or where nobody listens", async () => {
    await using pipeline = await published();
    const guessed = startWith(pipeline, { source: withUser(pipeline.sourceUrl, "postgres", "guessed") });
    const refused = await refusal(pipeline, guessed);
    expect(refused).toMatch(/^SOURCE_REFUSED .*password authentication failed/);
    expect(refused).not.toContain("guessed");
    const role = `r_${pipeline.connector.name}`;
    await pipeline.source.query(`CREATE ROLE ${role} LOGIN PASSWORD 'right'`);
    expect(await refusal(pipeline, startWith(pipeline, { source: withUser(pipeline.sourceUrl, role, "right") }))).toMatch(
      /^SOURCE_REFUSED .*permission denied to start WAL sender/,
    );
    await pipeline.source.query(`DROP ROLE ${role}`);
    const nowhere = { url: new Secret("postgres://postgres:hidden@127.0.0.1:1/postgres"), maxRetainedWalBytes: 1 << 30 };
    expect(await refusal(pipeline, startWith(pipeline, { source: nowhere }))).toMatch(
      /^SOURCE_UNREACHABLE .*postgres:\/\/postgres@127.0.0.1:1\/postgres.*ECONNREFUSED/,
    );
  });

  test("without its registry", async () => {
    await using pipeline = await published();
    const registry = { url: new Secret(inject("registry").replace(/:\d+/, ":1")) };
    expect(await refusal(pipeline, startWith(pipeline, { registry }))).toMatch(/^REGISTRY_UNREACHABLE /);
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
