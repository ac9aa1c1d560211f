/** A table of the monolith's that somebody holds locked for long, as a migration does: capturing goes on, and no look at the catalogs stands in its way. */
import pg from "pg";
import { expect, test } from "vitest";
import { Registry } from "../../../connectors/kafka/registry.ts";
import { RelationCompiler } from "../../../connectors/postgres/relation-compiler.ts";
import { endSession, openSession } from "../../../connectors/postgres/session.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";

const orders = `CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE orders (id int PRIMARY KEY) PARTITION BY RANGE (id);
  CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (10)`;

const waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE $1 AND wait_event_type = 'Lock'";

test("heartbeats are written while a look at the tables waits, and the slot is still watched", async () => {
  await using pipeline = await createPipeline(orders, { heartbeatEvery: "1s" });
  const { source, sourceUrl, connector } = pipeline;
  await pipeline.up();
  await using running = pipeline.startConnector();
  await running.working;
  await using topic = new TopicEvents(pipeline);
  const holder = new pg.Client(sourceUrl);
  await holder.connect();
  try {
    await holder.query("BEGIN; LOCK TABLE t");
    const isWaiting = async (): Promise<boolean> => (await source.query(waits, [`offtake ${connector.name}%`])).rowCount === 1;
    await waitFor(isWaiting, { what: "a look to wait for the lock" });
    const before = (await topic.read()).records.length;
    await waitFor(async () => (await topic.read()).records.length > before + 1, { what: "heartbeats", timeout: 20_000 });
    expect(await isWaiting()).toBe(true);
    await holder.query("COMMIT");
  } finally {
    await holder.end();
  }
  await running.stop();
});

test("neither a partition nor its root has to be free for its rows to be told apart and encoded", async () => {
  await using pipeline = await createPipeline(orders);
  const { configuration, connector, service, source, sourceUrl } = pipeline;
  await pipeline.up();
  const { rows } = await source.query<{ name: string; oid: number }>(
    "SELECT relname AS name, oid FROM pg_class WHERE relname IN ('t', 'orders', 'orders_1')",
  );
  const relationOf = (name: string) => ({
    oid: rows.find((row) => row.name === name)!.oid,
    schema: "public",
    name,
    replicaIdentity: "d" as const,
    columns: [{ name: "id", key: true, typeOid: 23, typeModifier: -1 }],
  });
  const session = await openSession(configuration.source.url, { side: "source", applicationName: "test", statementTimeoutMs: 3000 });
  const registry = new Registry(configuration.registry.url);
  const compiler = new RelationCompiler(
    configuration.kafka.topicPrefix,
    service.topic,
    connector.publication,
    registry,
    session,
    configuration.source.url,
  );
  const holder = new pg.Client(sourceUrl);
  await holder.connect();
  try {
    await holder.query("BEGIN; LOCK TABLE t, orders, orders_1");
    const under = async (name: string): Promise<boolean> => compiler.comesUnderRoot(relationOf(name), 3);
    expect([await under("orders_1"), await under("orders"), await under("t")]).toEqual([true, false, false]);
    expect((await compiler.compile(relationOf("orders"), 3)).plan.table).toBe("orders");
    await holder.query("COMMIT");
    await source.query(`ALTER PUBLICATION ${connector.publication} SET (publish_via_partition_root = false)`);
    expect(await under("orders_1")).toBe(false);
  } finally {
    await holder.end();
    await endSession(session);
  }
});
