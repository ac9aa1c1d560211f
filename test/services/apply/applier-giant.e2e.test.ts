import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import { describe, expect, inject, test } from "vitest";
import { runApplier } from "../../../services/apply/applier.ts";
import { migrateTarget } from "../../../services/apply/migrate-target.ts";
import { readMarks } from "../../../services/apply/needs-copy.ts";
import { readPosition } from "../../../services/apply/position.ts";
import { parseConfiguration } from "../../../services/runtime/configuration.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { Victim } from "../../chaos/victim.ts";
import { freshDatabase } from "../../support/databases.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { startUnit } from "../../support/running-unit.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp } from "./same-texts.ts";
import { writtenTopic } from "./written-topic.ts";

/** Sessions of appliers of this database that have a transaction open. */
async function openTransactions(target: Client): Promise<number> {
  const { rows } = await target.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'offtake trading' AND xact_start IS NOT NULL",
  );
  return rows[0]!.n;
}

/** An applier of a topic that has three rows, and the first 60 events of a transaction of 97, which it looks for the end of. */
async function inTheMiddle() {
  const written = await writtenTopic();
  const database = await freshDatabase("target");
  const target = new Client({ connectionString: database.url });
  await target.connect();
  await migrateTarget(target);
  await target.query("CREATE TABLE trades (id int4 PRIMARY KEY, note text)");
  const configuration = parseConfiguration(
    JSON.stringify({
      mode: "development",
      source: { url: inject("source") },
      kafka: { brokers: inject("kafka"), topicPrefix: written.topic.replace(".trading", "") },
      registry: { url: inject("registry") },
      control: { url: inject("control") },
      services: { trading: { target: { url: database.url }, tables: ["trades"], apply: { batchRows: 10 } } },
    }),
    "offtake.yaml",
    {},
  );
  const trades = await written.table("trades", { id: "int4*", note: "text" });
  const rows = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => trades.create({ id: from + i, note: "n" }));
  await written.write(rows(1, 3));
  const giant = written.writer.transaction(rows(4, 100)).map(({ bytes }) => bytes);
  await written.writeValues(...giant.slice(0, 60));
  const applier = startUnit(async ({ log, working, interruption, signal }) =>
    runApplier(
      {
        configuration,
        service: configuration.services[0]!,
        connector: "trading",
        log,
        metrics: createMetrics("test"),
        applying: working,
        interruption,
      },
      signal,
    ),
  );
  await waitFor(() => applier.log.some(({ msg }) => msg?.includes("looking for its end")), { what: "the applier to look for the end" });
  const end = async (): Promise<void> => {
    await applier[Symbol.asyncDispose]();
    await target.end();
    await database[Symbol.asyncDispose]();
    await written[Symbol.asyncDispose]();
  };
  return { written, target, applier, trades, giant, rows, [Symbol.asyncDispose]: end };
}

describe("a transaction that is larger than a batch", () => {
  test("is not begun before its end is in the topic, and what is right behind it is applied", async () => {
    await using middle = await inTheMiddle();
    const { written, target, applier, giant, rows } = middle;
    const behind = written.writer.transaction(rows(101, 102)).map(({ bytes }) => bytes);
    await written.writeValues(...giant.slice(60, -1));
    expect(await openTransactions(target)).toBe(0);
    expect((await target.query("TABLE trades")).rowCount).toBe(3);
    await written.writeValues(giant.at(-1)!, ...behind);
    await waitFor(async () => (await readPosition(target, "trading"))?.commitLsn === written.writer.commitLsn, { what: "everything to be applied" });
    expect((await target.query("TABLE trades")).rowCount).toBe(102);
    await applier.stop();
  });

  test("is applied where the first row of a copy has come behind its end: it has the same position, and is not the last of its piece", async () => {
    await using middle = await inTheMiddle();
    const { written, target, applier, trades, giant } = middle;
    const piece = written.writer.transaction([201, 202].map((id) => trades.read({ id, note: "copied" }))).map(({ bytes }) => bytes);
    await written.writeValues(...giant.slice(60), piece[0]!);
    const has = async (rows: number): Promise<boolean> => (await target.query("TABLE trades")).rowCount === rows;
    await waitFor(async () => has(100), { what: "the transaction to be applied" });
    await written.writeValues(piece[1]!);
    await waitFor(async () => has(102), { what: "the piece to be applied" });
    expect((await target.query("SELECT id FROM trades WHERE note = 'copied' ORDER BY id")).rows).toEqual([{ id: 201 }, { id: 202 }]);
    await applier.stop();
  });

  test("is not applied where the rest of it is lost in a gap that was recovered: its tables are marked, and it goes on behind the gap", async () => {
    await using middle = await inTheMiddle();
    const { written, target, applier, rows } = middle;
    await written.writeValues(written.writer.gap(["public.trades"], 60));
    await written.write(rows(101, 102));
    await waitFor(async () => (await readPosition(target, "trading"))?.commitLsn === written.writer.commitLsn, { what: "everything to be applied" });
    expect((await target.query("TABLE trades")).rowCount).toBe(5);
    expect(await readMarks(target, "trading")).toEqual([{ table: "public.trades", reason: "the slot was lost" }]);
    await applier.stop();
  });

  test("is applied in constant memory, from its beginning after the applier was killed in the middle", async () => {
    await using folder = await temporaryFolder();
    await using pipeline = await createPipeline("CREATE TABLE trades (id int8 PRIMARY KEY, note text)");
    const { source, target } = pipeline;
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await connector.working;
    await source.query("INSERT INTO trades SELECT i, repeat(md5(i::text), 125) FROM generate_series(1, 40000) AS i");
    await source.query("UPDATE trades SET note = 'behind' WHERE id = 7");
    const applier = new Victim(["--config", pipeline.file, "run", "applier", "--http-port", "0"], join(folder.path, "log"));
    try {
      await waitFor(async () => (await target.query<{ size: number }>("SELECT pg_relation_size('trades')::float8 AS size")).rows[0]!.size > 2e6, {
        what: "the applier to be in the middle of it",
        timeout: 60_000,
      });
      await applier.kill();
      await waitFor(async () => (await openTransactions(target)) === 0, { what: "the server to notice" });
      expect((await target.query("SELECT FROM trades LIMIT 1")).rowCount).toBe(0);
      expect(await readPosition(target, pipeline.connector.name)).toBeUndefined();
      applier.restart();
      await caughtUp(pipeline, [connector]);
      const digest = "SELECT count(*), md5(string_agg(id || note, ',' ORDER BY id)) FROM trades";
      expect((await target.query(digest)).rows).toEqual((await source.query(digest)).rows);
      const status = await readFile(`/proc/${applier.pid}/status`, "utf8");
      const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
      // The program itself takes 160 MB, batches on their way as much again; the transaction has 160 MB in the topic, and would be held more than once.
      expect(peak).toBeLessThan(450);
    } finally {
      await applier.stop();
    }
  });
});
