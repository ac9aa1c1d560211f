/** What others write to the monolith, or change about it, and what a connector makes of it: it stops for its own tables' sake, and for nobody else's. */
import { describe, expect, test } from "vitest";
import { runConnector } from "../../../connectors/postgres/connector.ts";
import { parseLsn } from "../../../connectors/postgres/lsn.ts";
import { encodeMessage, encodeProcessed } from "../../../connectors/postgres/message-encoder.ts";
import { withMarkers } from "../../../connectors/postgres/open-topic.ts";
import { readSlot } from "../../../connectors/postgres/slot.ts";
import { Transaction } from "../../../connectors/postgres/transaction.ts";
import { KafkaCluster } from "../../../connectors/kafka/cluster.ts";
import { RecordBatchWriter } from "../../../connectors/kafka/record-batch.ts";
import { Registry } from "../../../connectors/kafka/registry.ts";
import { AvroWriter } from "../../../schemas/avro-bytes.ts";
import type { Configuration, ServiceConfiguration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";
import { chainFaults, TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";

const schema = "CREATE TABLE t (id int PRIMARY KEY, note text); CREATE TABLE u (id int PRIMARY KEY, note text)";

function startWith(pipeline: Pipeline, tables: readonly string[], changed: Partial<Configuration> = {}): RunningUnit {
  const { configuration, connector, metrics } = pipeline;
  const [entry] = pipeline.service.tables;
  const service: ServiceConfiguration = { ...pipeline.service, tables: tables.map((table) => ({ ...entry!, pattern: table, table })) };
  return startUnit(async ({ log, working, interruption, signal }) =>
    runConnector(
      { configuration: { ...configuration, services: [service], ...changed }, connector, service, log, metrics, capturing: working, interruption },
      signal,
    ),
  );
}

/** What is in the topic so far, one line each. */
async function lines(topic: TopicEvents): Promise<string[]> {
  return (await topic.drained()).map(({ op, source, before, after }) => `${op} ${source.table} ${String((after ?? before)?.["id"])}`);
}

test("giants of others are passed over as they come: messages of anybody, rows of tables that are not the service's", async () => {
  await using pipeline = await createPipeline(schema, { maxEvent: "64KiB" });
  await pipeline.up();
  const { source } = pipeline;
  await using connector = startWith(pipeline, ["t"]);
  await connector.working;
  await using topic = new TopicEvents(pipeline);
  await source.query(
    "SELECT pg_logical_emit_message(true, 'theirs', repeat('x', 3000000)), pg_logical_emit_message(false, 'theirs', repeat('x', 3000000))",
  );
  await source.query(
    'SELECT pg_logical_emit_message(true, \'offtake\', \'{"kind": "heartbeat", "at": 1, "more": "\' || repeat(\'x\', 2000) || \'"}\')',
  );
  await source.query("INSERT INTO t VALUES (1)");
  await source.query(`BEGIN; INSERT INTO u VALUES (1, repeat('x', 3000000)); INSERT INTO t VALUES (2); UPDATE u SET id = 2, note = repeat('y', 3000000);
    INSERT INTO t VALUES (3); ALTER TABLE u REPLICA IDENTITY FULL; DELETE FROM u; INSERT INTO t VALUES (4); COMMIT`);
  expect(await lines(topic)).toEqual(["c t 1", "c t 2", "c t 3", "c t 4"]);
  // Positions are the same whether such a row was passed over or read.
  expect(topic.events.map(({ offtake }) => offtake.sequence)).toEqual([1, 2, 5, 7]);
  expect(topic.records.filter(({ message }) => (message?.content.length ?? 0) > 1024)).toEqual([]);
  expect(chainFaults(topic.records)).toEqual([]);
  await source.query("INSERT INTO t VALUES (5, repeat('x', 300000))");
  expect(await connector.ended).toMatchObject({ code: "EVENT_TOO_LARGE", message: expect.stringContaining("row of public.t with") });
});

describe("a connector whose tables are altered goes on from its tail", () => {
  test("when the tail's table is no longer the service's", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await using first = startWith(pipeline, ["t", "u"]);
    await first.working;
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query("BEGIN; INSERT INTO u VALUES (1); UPDATE u SET id = 2; COMMIT");
    await waitFor(async () => (await topic.read()).events.length === 3, { what: "its tail" });
    await first.stop();
    await using second = startWith(pipeline, ["t"]);
    await pipeline.source.query("INSERT INTO t VALUES (1)");
    expect(await Promise.race([lines(topic), second.ended])).toEqual(["c u 1", "d u 1", "c u 2", "c t 1"]);
    expect(chainFaults(topic.records)).toEqual([]);
  });

  test("when a table is the service's now that had changes behind it in the same transaction: they are not published", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await using first = startWith(pipeline, ["t"]);
    await first.working;
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query("BEGIN; INSERT INTO u VALUES (1); INSERT INTO t VALUES (1); INSERT INTO u VALUES (2); COMMIT");
    await waitFor(async () => (await topic.read()).events.length === 1, { what: "its tail" });
    await first.stop();
    await using second = startWith(pipeline, ["t", "u"]);
    await pipeline.source.query("INSERT INTO u VALUES (3)");
    expect(await Promise.race([lines(topic), second.ended])).toEqual(["c t 1", "c u 3"]);
    expect(chainFaults(topic.records)).toEqual([]);
  });

  test("when another service's table was dropped", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    const other = { ...pipeline.service, name: "other", tables: [{ ...pipeline.service.tables[0]!, pattern: "gone", table: "gone" }] };
    await using connector = startWith(pipeline, ["t"], { services: [pipeline.service, other] });
    await expect(connector.working).resolves.toBeUndefined();
  });
});

/** Lets the topic end with an event that this source has never written. */
async function forgeTail({ configuration, connector, service }: Pipeline, lsn: bigint): Promise<void> {
  const cluster = new KafkaCluster(configuration.kafka, "offtake-test");
  const registry = new Registry(configuration.registry.url);
  const context = { configuration, connector, service, cluster, registry, tables: [], signal: new AbortController().signal };
  await withMarkers(context, async (over, putMarker) => {
    const transaction = new Transaction(over.names, undefined);
    transaction.begin(lsn, 0n, 1, undefined);
    transaction.advance();
    const batch = new RecordBatchWriter("none", 1024);
    const bytes = Buffer.from('{"kind":"heartbeat","at":1}');
    const content = { bytes, start: 0, end: bytes.length };
    const processed = encodeProcessed(new AvroWriter(32), 0);
    const fromEnd = encodeMessage(batch, over.messageSchemaId, transaction, processed, { high: 0, low: 1 }, content);
    batch.writer.bytes[batch.length - fromEnd] = 1;
    await putMarker(batch);
  });
  await cluster.close();
}

describe("a source that was put back from a copy of its storage", () => {
  test("is refused while its WAL ends before the topic", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await forgeTail(pipeline, 1n << 50n);
    await using connector = pipeline.startConnector();
    expect(await connector.ended).toMatchObject({ code: "SOURCE_WENT_BACK" });
  });

  test("is found out when its WAL has grown beyond the topic, and nothing of it was confirmed", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    const { source, connector } = pipeline;
    await source.query("INSERT INTO t VALUES (1)");
    const { rows } = await source.query<{ lsn: string }>("SELECT pg_current_wal_insert_lsn()::text AS lsn");
    await forgeTail(pipeline, parseLsn(rows[0]!.lsn) + 1n);
    // Writes WAL that is in no stream, until the forged place is behind.
    const flushed = async (): Promise<bigint> => {
      await source.query("SELECT pg_current_xact_id()");
      return parseLsn((await source.query<{ lsn: string }>("SELECT pg_current_wal_flush_lsn()::text AS lsn")).rows[0]!.lsn);
    };
    await waitFor(async () => (await flushed()) > parseLsn(rows[0]!.lsn) + 1n, { what: "the WAL to grow" });
    const before = (await readSlot(source, connector.slot))!.confirmedFlush;
    const url = new URL(pipeline.sourceUrl);
    url.searchParams.set("options", "-c wal_sender_timeout=1000");
    await using unit = startWith(pipeline, ["t", "u"], { source: { ...pipeline.configuration.source, url: new Secret(url.href) } });
    await unit.working;
    const received = async (): Promise<boolean> =>
      (
        await source.query("SELECT FROM pg_stat_replication WHERE application_name = $1 AND write_lsn >= $2", [
          `offtake ${connector.name}`,
          rows[0]!.lsn,
        ])
      ).rowCount === 1;
    await waitFor(received, { what: "it to have said that it has received all" });
    expect((await readSlot(source, connector.slot))!.confirmedFlush).toBe(before);
    await source.query("INSERT INTO t VALUES (2)");
    expect(await unit.ended).toMatchObject({ code: "TAIL_DIFFERS" });
    expect((await readSlot(source, connector.slot))!.confirmedFlush).toBe(before);
  });
});

test("a server that ends the connector's session ends its run at once", async () => {
  await using pipeline = await createPipeline(schema);
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await connector.working;
  const { rowCount } = await pipeline.source.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND application_name = $1",
    [`offtake ${pipeline.connector.name}`],
  );
  expect(rowCount).toBe(1);
  expect(await connector.ended).toMatchObject({ code: "SOURCE_UNREACHABLE", message: expect.stringContaining("ended the session") });
});
