/** REPLICA IDENTITY FULL: the stream does not say which key its rows had, and the catalog only which one they have today. */
import { describe, expect, test } from "vitest";
import { Registry } from "../../../connectors/kafka/registry.ts";
import { RelationCompiler } from "../../../connectors/postgres/relation-compiler.ts";
import { endSession, openSession } from "../../../connectors/postgres/session.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { chainFaults, TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";

async function keyedBy(key: string): Promise<Pipeline> {
  const pipeline = await createPipeline(`CREATE TABLE t (a int NOT NULL, b int, note text, ${key}); ALTER TABLE t REPLICA IDENTITY FULL`);
  await pipeline.up();
  return pipeline;
}

/** What a connector ends with that does not go on. */
async function refusal(pipeline: Pipeline): Promise<string> {
  await using connector = pipeline.startConnector();
  const error = await connector.ended;
  return `${error?.code} ${error?.message}`;
}

describe("a table whose key changes under REPLICA IDENTITY FULL", () => {
  test("while its connector runs: no row is published under the key of before", async () => {
    await using pipeline = await keyedBy("PRIMARY KEY (a)");
    await using connector = pipeline.startConnector();
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query("INSERT INTO t VALUES (1, 1)");
    expect((await topic.drained()).map(({ key }) => key)).toEqual([{ a: 1 }]);
    await pipeline.source.query("ALTER TABLE t DROP CONSTRAINT t_pkey, ALTER b DROP NOT NULL; INSERT INTO t VALUES (1, 2)");
    expect((await topic.drained()).map(({ key }) => key)).toEqual([{ a: 1 }, undefined]);
    await connector.stop();
  });

  test("and is wider than before stops its connector: under the old one rows would be taken for one another", async () => {
    await using pipeline = await keyedBy("PRIMARY KEY (a)");
    await using connector = pipeline.startConnector();
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query("INSERT INTO t VALUES (1, 1)");
    await topic.drained();
    await pipeline.source.query("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a, b); INSERT INTO t VALUES (1, 2)");
    expect((await connector.ended)?.code).toBe("SCHEMA_REFUSED");
    expect((await topic.read()).events).toHaveLength(1);
  });

  test("is not looked up before the transaction that the stream is at has ended: what is in the stream may not be in the catalog yet", async () => {
    await using pipeline = await keyedBy("PRIMARY KEY (a)");
    const { configuration, service, source } = pipeline;
    const session = await openSession(configuration.source.url, { side: "source", applicationName: "test", statementTimeoutMs: 10_000 });
    const compiler = new RelationCompiler(
      configuration.kafka.topicPrefix,
      service.topic,
      pipeline.connector.publication,
      new Registry(configuration.registry.url),
      session,
      configuration.source.url,
    );
    const { rows } = await source.query<{ oid: number }>("SELECT 't'::regclass::oid AS oid");
    const columns = ["a", "b"].map((name) => ({ name, key: true, typeOid: 23, typeModifier: -1 }));
    await source.query("BEGIN; ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a, b)");
    const { rows: transaction } = await source.query<{ xid: string }>("SELECT pg_current_xact_id()::xid::text AS xid");
    const compiling = compiler.compile(
      { oid: rows[0]!.oid, schema: "public", name: "t", replicaIdentity: "f", columns },
      Number(transaction[0]!.xid),
    );
    // What it asked first is answered by now.
    await session.query("SELECT");
    await source.query("COMMIT");
    expect((await compiling).plan.columns.map(({ key }) => key)).toEqual([true, true]);
    await endSession(session);
  });

  test("by another name of one of its columns, with the connector behind, is not halved", async () => {
    await using pipeline = await keyedBy("PRIMARY KEY (a, b)");
    await pipeline.source.query("INSERT INTO t VALUES (1, 1), (1, 2)");
    await pipeline.source.query("ALTER TABLE t RENAME b TO c");
    expect(await refusal(pipeline)).toMatch(/^TABLE_KEY_CHANGED .*public\.t .*no column c,/);
  });

  test("and comes later than rows without a value for it says so", async () => {
    await using pipeline = await keyedBy("UNIQUE (b)");
    await pipeline.source.query("INSERT INTO t VALUES (1, NULL)");
    await pipeline.source.query("DELETE FROM t; ALTER TABLE t ADD PRIMARY KEY (b)");
    expect(await refusal(pipeline)).toMatch(/^TABLE_KEY_CHANGED .*no value in its column b,/);
  });

  test("is recognised at the tail all the same", async () => {
    await using pipeline = await keyedBy("PRIMARY KEY (a, b)");
    await using first = pipeline.startConnector();
    await first.working;
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query("INSERT INTO t VALUES (1, 1); UPDATE t SET b = 2; UPDATE t SET note = 'n'");
    const published = async (): Promise<boolean> => (await topic.read()).events.some(({ after: row }) => row?.["note"] === "n");
    await waitFor(published, { what: "the last change, which is the topic's tail" });
    await first.stop();
    await pipeline.source.query("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a)");
    await using second = pipeline.startConnector();
    expect(await Promise.race([topic.drained().then(() => "goes on"), second.ended])).toBe("goes on");
    expect(chainFaults(topic.records)).toEqual([]);
  });

  test("does not count columns that its index only includes, nor a key that is deferrable", async () => {
    for (const [key, expected] of [
      ["PRIMARY KEY (a) INCLUDE (b)", { a: 1 }],
      ["PRIMARY KEY (a) DEFERRABLE", undefined],
    ] as const) {
      await using pipeline = await keyedBy(key);
      await using connector = pipeline.startConnector();
      await connector.working;
      await using topic = new TopicEvents(pipeline);
      await pipeline.source.query("INSERT INTO t VALUES (1, 1)");
      expect((await topic.drained()).map((event) => event.key)).toEqual([expected]);
      await connector.stop();
    }
  });
});
