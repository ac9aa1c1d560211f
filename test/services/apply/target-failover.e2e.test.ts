/** A service's database that fails over to a standby that lags, or comes back from a backup: the applied position in it says where to go on. */
import { expect, inject, test } from "vitest";
import { offsetRange } from "../../../connectors/kafka/offsets.ts";
import { runApplier } from "../../../services/apply/applier.ts";
import { readPosition } from "../../../services/apply/position.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { supervise, type UnitReports } from "../../../services/runtime/supervisor.ts";
import { stopsAs } from "../../mishaps/mishaps.ts";
import { FailoverServer } from "../../support/failover.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import type { LogLine } from "../../support/running-unit.ts";
import { mended } from "../../support/start-over.ts";
import { forgetRecords, testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp, stateOf } from "./same-texts.ts";

const target = await FailoverServer.start();
const schema = "CREATE TABLE trades (id int8 PRIMARY KEY, note text, n int4 NOT NULL DEFAULT 0)";
const tables = { trades: "id" };

async function createOn(server: FailoverServer): Promise<Pipeline> {
  const servers = { source: inject("source"), target: server.url(), kafka: inject("kafka"), registry: inject("registry") };
  return createPipeline(schema, { servers });
}

/** The pipeline with a session of the server that is the primary now. */
async function moved(pipeline: Pipeline): Promise<Pipeline> {
  return { ...pipeline, target: await target.session(target.primary, pipeline.connector.name) };
}

interface Supervised extends AsyncDisposable {
  /** Codes of what it has complained of, in their order. */
  codes(): (string | undefined)[];
  readonly log: readonly LogLine[];
}

/** As `offtake run` has it: comes back by itself. */
function supervised({ configuration, service, connector, metrics }: Pipeline): Supervised {
  const stopping = new AbortController();
  const lines: LogLine[] = [];
  const say = (text: string): void => {
    const line: LogLine = JSON.parse(text);
    lines.push(line);
  };
  const log = createLog({ env: {}, terminal: false, write: say });
  const unit = {
    name: "applier trading",
    run: async ({ working, interruption }: UnitReports, signal: AbortSignal) =>
      runApplier({ configuration, service, connector: connector.name, log, metrics, applying: working, interruption }, signal),
  };
  const { ended } = supervise(unit, { log, metrics }, stopping.signal);
  return {
    log: lines,
    codes: () => lines.flatMap(({ err }) => (err === undefined ? [] : [err.code])),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}

async function write({ source }: Pipeline, from: number): Promise<void> {
  for (let id = from; id < from + 10; id += 1) await source.query("INSERT INTO trades VALUES ($1, 'n')", [id]);
  await source.query("UPDATE trades SET n = n + 1, note = note || '+' WHERE id % 3 = 0");
  await source.query("DELETE FROM trades WHERE id % 7 = 0");
}

/** That it has complained of this, and otherwise only of a lock that it waited for too long, or of a server that is read-only. */
function expectOnly(applier: Supervised, code: string): void {
  const codes = new Set(applier.codes());
  expect([...codes]).toContain(code);
  expect([...codes].filter((each) => each !== code && each !== "TARGET_BUSY")).toEqual([]);
}

async function same(pipeline: Pipeline): Promise<void> {
  await caughtUp(pipeline);
  expect(await stateOf(pipeline.target, tables)).toEqual(await stateOf(pipeline.source, tables));
}

test("target: it fails over to a standby that lags", async () => {
  await using pipeline = await createOn(target);
  await pipeline.up();
  const standby = await target.addStandby();
  await using connector = pipeline.startConnector();
  await using applier = supervised(pipeline);
  await write(pipeline, 0);
  await caughtUp(pipeline, [connector]);
  await target.caughtUp(standby);
  await standby.disconnect();
  // Applied, committed, and lost with the primary.
  await write(pipeline, 10);
  await pipeline.source.query("UPDATE trades SET id = id + 1000 WHERE id % 5 = 0");
  await caughtUp(pipeline, [connector]);
  const there = (await readPosition(pipeline.target, pipeline.connector.name))!;
  const copy = (await readPosition(await target.session(standby, pipeline.connector.name), pipeline.connector.name))!;
  expect(copy.commitLsn).toBeLessThan(there.commitLsn);
  await target.failOver(standby);
  const now = await moved(pipeline);
  await write(now, 20);
  await same(now);
  expectOnly(applier, "TARGET_UNREACHABLE");
  expect(applier.log.filter(({ level, err }) => level === "warn" && err === undefined)).toEqual([]);
});

test("target: its address leads to a standby that is not promoted yet", async () => {
  await using pipeline = await createOn(target);
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await using applier = supervised(pipeline);
  await write(pipeline, 0);
  await caughtUp(pipeline, [connector]);
  const standby = await target.addStandby();
  await target.failOver(standby, async () => {
    await write(pipeline, 10);
    await waitFor(() => applier.codes().includes("TARGET_BUSY"), { what: "the applier to meet a server that is read-only" });
  });
  const now = await moved(pipeline);
  await same(now);
  expectOnly(applier, "TARGET_UNREACHABLE");
});

test("target: it fails over in the middle of a batch", async () => {
  await using pipeline = await createOn(target);
  await pipeline.up();
  const standby = await target.addStandby();
  await using connector = pipeline.startConnector();
  await using applier = supervised(pipeline);
  await write(pipeline, 0);
  await caughtUp(pipeline, [connector]);
  const holder = await target.session(target.primary, pipeline.connector.name);
  await holder.query("BEGIN; LOCK TABLE trades IN ACCESS EXCLUSIVE MODE");
  await write(pipeline, 10);
  await waitFor(
    async () =>
      (
        await pipeline.target.query(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'offtake%' AND wait_event_type = 'Lock'",
        )
      ).rowCount === 1,
    { what: "the applier to be in the middle of a batch" },
  );
  await target.caughtUp(standby);
  await target.failOver(standby);
  const now = await moved(pipeline);
  await write(now, 20);
  await same(now);
  expectOnly(applier, "TARGET_UNREACHABLE");
});

test("target: it is restored to a state that is older than the topic", async () => {
  await using pipeline = await createOn(target);
  await pipeline.up();
  const backup = await target.addStandby();
  await using connector = pipeline.startConnector();
  {
    await using applier = pipeline.startApplier();
    await write(pipeline, 0);
    await caughtUp(pipeline, [connector, applier]);
    await target.caughtUp(backup);
    await backup.disconnect();
    await write(pipeline, 10);
    await caughtUp(pipeline, [connector, applier]);
    await applier.stop();
  }
  const cluster = testCluster();
  const { end } = await offsetRange(cluster, pipeline.service.topic);
  await forgetRecords(cluster, pipeline.service.topic, end - 1);
  await cluster.close();
  await target.failOver(backup);
  const now = await moved(pipeline);
  const { offset } = (await readPosition(now.target, now.connector.name))!;
  await using applier = now.startApplier();
  const error = await applier.ended;
  expect(error).toMatchObject({
    ...stopsAs("target", "it is restored to a state that is older than the topic"),
    message: expect.stringContaining(`begins at offset ${end - 1}; the applier needs ${offset}`),
  });
  await connector.stop();
  await mended(now, error, "trades");
});
