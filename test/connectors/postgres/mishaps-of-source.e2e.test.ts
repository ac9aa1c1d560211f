/** A source that is another one, or comes back from a copy of its storage, or has thrown WAL away. Standbys: promoted-standby.e2e.test.ts. */
import { execFile } from "node:child_process";
import { rename, rm } from "node:fs/promises";
import { promisify } from "node:util";
import pg from "pg";
import { expect, inject, test } from "vitest";
import { runConnector } from "../../../connectors/postgres/connector.ts";
import { readSlot } from "../../../connectors/postgres/slot.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { stopsAs } from "../../mishaps/mishaps.ts";
import { freshDatabase } from "../../support/databases.ts";
import { FailoverServer } from "../../support/failover.ts";
import type { Pipeline } from "../../support/pipeline.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";
import { mended } from "../../support/start-over.ts";
import { TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";
import { published, recordsIn } from "./published-pipeline.ts";

// One of this file's own, since it is stopped and put back.
const own = await FailoverServer.start();

async function publishedOnOwn(): Promise<Pipeline> {
  return published({ servers: { source: own.url(), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") } });
}

/** The pipeline with a session of the server as it is now. */
async function reconnected(pipeline: Pipeline): Promise<Pipeline> {
  return { ...pipeline, source: await own.session(own.primary, pipeline.connector.slot) };
}

const backup = (): string => `${own.primary.dataFolder}.backup`;

async function copyStorage(): Promise<void> {
  await own.primary.stop("fast");
  await promisify(execFile)("cp", ["-a", own.primary.dataFolder, backup()]);
  await own.primary.start();
}

async function putStorageBack(): Promise<void> {
  await own.primary.stop("fast");
  await rm(own.primary.dataFolder, { recursive: true });
  await rename(backup(), own.primary.dataFolder);
  await own.primary.start();
}

/** A pipeline whose source has been put back to where it had published three rows, of the six that are in the topic. */
async function putBack(): Promise<Pipeline> {
  const pipeline = await publishedOnOwn();
  await copyStorage();
  const later = await reconnected(pipeline);
  await using connector = pipeline.startConnector();
  await connector.working;
  for (const id of [4, 5, 6]) await later.source.query("INSERT INTO t VALUES ($1)", [id]);
  await using topic = new TopicEvents(later);
  await topic.drained();
  await connector.stop();
  await putStorageBack();
  return await reconnected(pipeline);
}

function startWith(pipeline: Pipeline, source: { url: Secret; maxRetainedWalBytes: number }): RunningUnit {
  const { connector, service, metrics } = pipeline;
  const configuration = { ...pipeline.configuration, source };
  return startUnit(async ({ log, working, interruption, signal }) =>
    runConnector({ configuration, connector, service, log, metrics, capturing: working, interruption }, signal),
  );
}

test("source: it is another cluster, with the same names", async () => {
  await using pipeline = await published();
  await using elsewhere = await freshDatabase("target");
  const { publication, slot } = pipeline.connector;
  const client = new pg.Client(elsewhere.url);
  await client.connect();
  await client.query(`CREATE TABLE t (id int PRIMARY KEY, note text); CREATE PUBLICATION ${publication} FOR TABLE t`);
  await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
  const source = { url: new Secret(elsewhere.url), maxRetainedWalBytes: 1 << 30 };
  const stops = stopsAs("source", "it is another cluster, with the same names");
  // Nor the second time: nothing of the other cluster was put into the topic that could vouch for it. Nor when it lacks the slot as well.
  for (const dropped of [false, false, true]) {
    if (dropped) await client.query("SELECT pg_drop_replication_slot($1)", [slot]);
    await using connector = startWith(pipeline, source);
    expect(await connector.ended).toMatchObject({ ...stops, code: "SOURCE_IDENTITY_CHANGED" });
  }
  await client.end();
  await using connector = pipeline.startConnector();
  await connector.working;
  await connector.stop();
  expect(await recordsIn(pipeline)).toBe(3);
});

test("source: it comes back from an older copy of its storage, and its WAL ends before the topic", async () => {
  await using pipeline = await putBack();
  for (const _ of [1, 2]) {
    await using connector = pipeline.startConnector();
    expect(await connector.ended).toMatchObject(
      stopsAs("source", "it comes back from an older copy of its storage, and its WAL ends before the topic"),
    );
  }
  expect(await recordsIn(pipeline)).toBe(6);
  await using connector = pipeline.startConnector();
  await mended(pipeline, await connector.ended);
});

test("source: it comes back from an older copy of its storage, and its WAL has grown beyond the topic", async () => {
  await using pipeline = await putBack();
  const { source, connector: named } = pipeline;
  await source.query("INSERT INTO t VALUES (7)");
  await source.query("SELECT pg_switch_wal()");
  await source.query("INSERT INTO t VALUES (8)");
  const before = (await readSlot(source, named.slot))!.confirmedFlush;
  await using connector = pipeline.startConnector();
  const error = await connector.ended;
  expect(error).toMatchObject(stopsAs("source", "it comes back from an older copy of its storage, and its WAL has grown beyond the topic"));
  expect(await recordsIn(pipeline)).toBe(6);
  expect((await readSlot(source, named.slot))!.confirmedFlush).toBe(before);
  await mended(pipeline, error);
});

test("slot: it is lost: the monolith has removed WAL that it needed", async () => {
  await using pipeline = await publishedOnOwn();
  const { source, connector: named } = pipeline;
  await source.query("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'");
  await source.query("SELECT pg_reload_conf()");
  await waitFor(
    async () => {
      await source.query("SELECT pg_logical_emit_message(false, 'test', 'WAL')");
      await source.query("SELECT pg_switch_wal()");
      await source.query("CHECKPOINT");
      return (await readSlot(source, named.slot))?.walStatus === "lost";
    },
    { what: "the slot to be lost" },
  );
  for (const _ of [1, 2]) {
    await using connector = pipeline.startConnector();
    expect(await connector.ended).toMatchObject({
      ...stopsAs("slot", "it is lost: the monolith has removed WAL that it needed"),
      message: expect.stringContaining("WAL that it needed is gone"),
    });
  }
  await source.query("ALTER SYSTEM RESET max_slot_wal_keep_size");
  await source.query("SELECT pg_reload_conf()");
  await using connector = pipeline.startConnector();
  await mended(pipeline, await connector.ended);
});
