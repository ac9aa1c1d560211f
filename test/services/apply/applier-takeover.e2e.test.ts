import { Kafka, logLevel } from "kafkajs";
import { describe, expect, inject, test } from "vitest";
import { groupOf } from "../../../connectors/kafka/offsets.ts";
import { runApplier } from "../../../services/apply/applier.ts";
import { readPosition } from "../../../services/apply/position.ts";
import { supervise, type UnitReports } from "../../../services/runtime/supervisor.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp, stateOf } from "./same-texts.ts";

const monolithSql = "CREATE TABLE trades (id int8 PRIMARY KEY, note text, n int4 NOT NULL DEFAULT 0)";
const tables = { trades: "id" };

async function same(pipeline: Pipeline): Promise<void> {
  expect(await stateOf(pipeline.target, tables)).toEqual(await stateOf(pipeline.source, tables));
}

async function insert({ source }: Pipeline, from: number, to: number): Promise<void> {
  for (let id = from; id <= to; id += 1) await source.query("INSERT INTO trades VALUES ($1, 'n')", [id]);
}

describe("an applier", () => {
  test("that is stopped and started again and again loses nothing and doubles nothing, under load", async () => {
    await using pipeline = await createPipeline(monolithSql, { apply: { batchRows: 20 } });
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await connector.working;
    const { source } = pipeline;
    const enough = new AbortController();
    const load = (async () => {
      for (let id = 1; !enough.signal.aborted; id += 1) {
        await source.query("INSERT INTO trades VALUES ($1, 'n')", [id]);
        await source.query("UPDATE trades SET n = n + 1, note = note || $1 WHERE id % 10 = $2", [id % 10, id % 7]);
      }
    })();
    const seen: bigint[] = [];
    for (let round = 0; round < 8; round += 1) {
      const before = (await readPosition(pipeline.target, pipeline.connector.name))?.commitLsn ?? 0n;
      await using applier = pipeline.startApplier();
      await waitFor(async () => ((await readPosition(pipeline.target, pipeline.connector.name))?.commitLsn ?? 0n) > before, {
        what: "the applier to get on",
      });
      await applier.stop();
      seen.push(before);
    }
    enough.abort();
    await load;
    await using applier = pipeline.startApplier();
    await caughtUp(pipeline, [connector, applier]);
    await same(pipeline);
    expect(seen).toEqual(seen.toSorted((a, b) => Number(a - b)));
    expect(applier.log.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });

  test("waits as a standby while another one has the target, and takes over when that one ends", async () => {
    await using pipeline = await createPipeline(monolithSql);
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await using first = pipeline.startApplier();
    await Promise.all([connector.working, first.working]);
    await insert(pipeline, 1, 5);
    await using refused = pipeline.startApplier();
    const error = await refused.ended;
    expect([error?.code, error?.retry]).toEqual(["APPLIER_IN_USE", "yes"]);

    const { configuration, service, metrics } = pipeline;
    const stop = new AbortController();
    const log = createLog({ env: { OFFTAKE_LOG_LEVEL: "silent" }, terminal: false, write: () => {} });
    const unit = {
      name: "applier trading",
      run: async ({ working, interruption }: UnitReports, signal: AbortSignal) =>
        runApplier({ configuration, service, connector: pipeline.connector.name, log, metrics, applying: working, interruption }, signal),
    };
    const standby = supervise(unit, { log, metrics }, stop.signal);
    await waitFor(() => standby.readiness().reason?.startsWith("APPLIER_IN_USE"), { what: "the standby to wait" });
    expect(standby.readiness().ready).toBe(false);
    await first.stop();
    await waitFor(() => standby.readiness().ready, { what: "the standby to take over" });
    await insert(pipeline, 6, 9);
    await caughtUp(pipeline, [connector]);
    await same(pipeline);
    stop.abort();
    expect(await standby.ended).toBe(true);
  });

  test("target: it is restored to an earlier state while the applier runs", async () => {
    await using pipeline = await createPipeline(monolithSql);
    await pipeline.up();
    await using connector = pipeline.startConnector();
    {
      await using applier = pipeline.startApplier();
      await Promise.all([connector.working, applier.working]);
      await insert(pipeline, 1, 20);
      await caughtUp(pipeline, [connector, applier]);
    }
    // A backup of now, and more that the backup does not have.
    await pipeline.target.query(
      `CREATE SCHEMA backup; CREATE TABLE backup.trades AS TABLE trades; CREATE TABLE backup.position AS TABLE offtake.applied_position`,
    );
    await using applier = pipeline.startApplier();
    await applier.working;
    await pipeline.source.query("UPDATE trades SET n = n + 1");
    await insert(pipeline, 21, 40);
    await pipeline.source.query("DELETE FROM trades WHERE id % 3 = 0");
    await caughtUp(pipeline, [connector, applier]);
    // The restore, under a running applier.
    await pipeline.target.query(`BEGIN; TRUNCATE trades, offtake.applied_position; INSERT INTO trades TABLE backup.trades;
      INSERT INTO offtake.applied_position TABLE backup.position; COMMIT`);
    await pipeline.source.query("UPDATE trades SET n = n + 10 WHERE id < 30");
    const error = await applier.ended;
    expect([error?.code, error?.retry]).toEqual(["APPLIED_POSITION_MOVED", "yes"]);
    await using again = pipeline.startApplier();
    await caughtUp(pipeline, [connector, again]);
    await same(pipeline);
    expect(again.log.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });

  test("tells its group's offset to Kafka, for other people's lag tools", async () => {
    await using pipeline = await createPipeline(monolithSql);
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await using applier = pipeline.startApplier();
    await Promise.all([connector.working, applier.working]);
    await insert(pipeline, 1, 10);
    await caughtUp(pipeline, [connector, applier]);
    await applier.stop();
    const admin = new Kafka({ brokers: inject("kafka"), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const { topic, name } = pipeline.service;
    const [group] = await admin.fetchOffsets({ groupId: groupOf(name), topics: [topic] });
    const position = await readPosition(pipeline.target, pipeline.connector.name);
    expect(group?.partitions).toEqual([expect.objectContaining({ partition: 0, offset: String(position?.offset) })]);
    await admin.disconnect();
  });
});
