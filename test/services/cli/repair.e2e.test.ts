/** From a copy to its proof, from a mismatch to its repair: what each leaves in the control database, and what `status` says of it. */
import { expect, test } from "vitest";
import { z } from "zod";
import { ControlSession } from "../../../services/control/control-session.ts";
import { readPasses } from "../../../services/control/pass-history.ts";
import { readMarks } from "../../../services/apply/needs-copy.ts";
import { reconcile } from "../../../services/cli/reconcile.ts";
import { repair, type RepairAnswer } from "../../../services/cli/repair.ts";
import { snapshotStatus } from "../../../services/cli/snapshot.ts";
import { status } from "../../../services/cli/status.ts";
import { errorOf } from "../../support/error-of.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { running } from "../../support/running-all.ts";
import { waitFor } from "../../support/wait-for.ts";
import { loaded } from "../reconcile/passing.ts";
import { documentedAnswer, namesIn } from "./documentation.ts";

const silent = { json: false, progress: () => {}, answer: () => {} };
const { signal } = new AbortController();

async function reconciled({ configuration }: Pipeline): Promise<number> {
  return (await reconcile(configuration, "trading", [], { level: "detailed", format: "text" }, silent, signal)).exit;
}

/** With its report as JSON. */
async function shownBy({ configuration }: Pipeline, format: "text" | "csv"): Promise<string> {
  const { text, object } = await reconcile(configuration, "trading", [], { level: "strict", format }, silent, signal);
  return `${text} ${JSON.stringify(object)}`;
}

async function repaired({ configuration }: Pipeline, dryRun: boolean, stallMs = 30_000, said: string[] = []): Promise<RepairAnswer> {
  const terminal = { ...silent, progress: (line: string) => void said.push(line) };
  return repair(configuration, "trading", [], { dryRun, who: "ada", stallMs }, terminal, signal);
}

function sortedNames(of: object): string[] {
  return Object.keys(of).toSorted();
}

/** @returns the id of the job that a repair waits for */
async function publishing(control: ControlSession, connector: string): Promise<string> {
  const waiting = "SELECT id FROM offtake.snapshot WHERE connector = $1 AND state = 'waiting'";
  const job = await waitFor(async () => (await control.query<{ id: string }>(waiting, [connector])).rows[0], { what: "the repair's job" });
  return job.id;
}

test("a copy is verified by a clean pass; rows that are wrong are published again, under load, and the audit has them", async () => {
  await using pipeline = await createPipeline(
    `CREATE TABLE trades (a int, b text, n int, note text, card text, PRIMARY KEY (b, a));
     INSERT INTO trades SELECT i, 'b' || i % 3, 0, NULL, 'card of ' || i FROM generate_series(1, 2000) i`,
    { tables: { trades: { redact: ["card"] } } },
  );
  await pipeline.up();
  const { source, target, configuration, connector } = pipeline;
  const control = new ControlSession(configuration.control.url, "offtake test");
  {
    await using all = await running(configuration);
    await waitFor(async () => (await readMarks(target, connector.name)).length === 0, { what: "the copy" });
    expect(await reconciled(pipeline)).toBe(0);
    const verified = await snapshotStatus(configuration, "trading", []);
    expect(verified.object.tables).toMatchObject([{ table: "public.trades", state: "copied", verifiedAt: expect.stringMatching(/^\d{4}-/) }]);

    await target.query(`UPDATE trades SET note = '' WHERE a = 10; DELETE FROM trades WHERE a IN (20, 21); INSERT INTO trades VALUES (9999, 'b1', 1, '', 'card of nobody');
      UPDATE trades SET card = 'card of another' WHERE a = 60`);
    const dry = await repaired(pipeline, true);
    expect([dry.exit, dry.text]).toEqual([3, "public.trades: would publish 5 rows again: 2 differing, 2 missing, 1 extra"]);
    expect((await target.query("SELECT FROM trades WHERE a = 20")).rowCount).toBe(0);
    const answer = await status(configuration);
    expect(answer.text).toMatch(/^trading: public\.trades: 5 rows wrong at \d{4}-.*, last equal at \d{4}-.*: offtake repair trading$/m);
    {
      await using load = loaded(async (i) => {
        await source.query("UPDATE trades SET n = $1 WHERE a IN (30, 40)", [i]);
        if (i % 100 === 50) await source.query("UPDATE trades SET n = $1 WHERE a IN (10, 20)", [i]);
      });
      const { exit, object, text } = await repaired(pipeline, false);
      expect([exit, text]).toEqual([0, expect.stringMatching(/^public\.trades: published \d rows again \(.*\): all of them are equal now$/)]);
      expect(namesIn(object.tables[0]!.left)).toEqual(namesIn({ missing: [], extra: [], differing: [], undecided: [] }));
      const documented = z.looseObject({ tables: z.array(z.looseObject({})) }).parse(documentedAnswer("repair"));
      expect([sortedNames(object), sortedNames(object.tables[0]!)]).toEqual([sortedNames(documented), sortedNames(documented.tables[0]!)]);
      expect(load.turns()).toBeGreaterThan(0);
    }
    const { rows: audit } = await control.query<{ action: string; before: { extra: unknown }; after: { extra: unknown } }>(
      "SELECT action, before, after FROM offtake.audit WHERE subject = 'public.trades' AND before -> 'extra' @> '[{\"key\": {\"a\": \"9999\"}}]'",
      [],
    );
    expect(audit).toMatchObject([{ action: "repair", before: { extra: [{ key: { a: "9999", b: "b1" } }] }, after: { extra: [] } }]);
    // Values that nobody may see are nowhere but in the databases, and differ all the same.
    await target.query("UPDATE trades SET card = 'card of a third' WHERE a = 61");
    const reports = await Promise.all((["text", "csv"] as const).map(async (format) => shownBy(pipeline, format)));
    const kept = await control.query<{ row: string }>(
      `SELECT a::text AS row FROM offtake.audit a WHERE service = 'trading' AND subject = 'public.trades'
        UNION ALL SELECT r::text || m::text FROM offtake.reconciliation r JOIN offtake.mismatch m ON m.reconciliation = r.id WHERE r.connector = $1
        UNION ALL SELECT s::text FROM offtake.snapshot s WHERE s.connector = $1`,
      [connector.name],
    );
    expect(kept.rows.filter(({ row }) => row.includes('"card"')).length).toBeGreaterThan(0);
    expect([...reports, JSON.stringify(dry.object), ...kept.rows.map(({ row }) => row)].filter((text) => text.includes("card of"))).toEqual([]);
    await target.query("UPDATE trades SET card = 'card of 61' WHERE a = 61");
    expect(await reconciled(pipeline)).toBe(0);
    expect(await readPasses(control, connector.name)).toMatchObject([{ table: "public.trades", verdict: "equal", mismatches: 0 }]);
    expect(await all.stop()).toBe(true);
  }
  // Nobody publishes: it says so, and leaves no job behind.
  await using applier = pipeline.startApplier();
  await using second = pipeline.startConnector();
  await Promise.all([applier.working, second.working]);
  await target.query("DELETE FROM trades WHERE a = 50");
  const said: string[] = [];
  expect(await errorOf(repaired(pipeline, false, 2000, said))).toMatchObject({
    code: "REPAIR_FAILED",
    message: expect.stringContaining("has not taken it up for 2 s"),
  });
  expect(said).toEqual([
    "public.trades: 1 rows are published again",
    `No process runs connector ${connector.name}, applier trading: this waits 2 s for a sign of it; \`offtake run\` starts it`,
  ]);
  const { rows: jobs } = await control.query("SELECT FROM offtake.snapshot WHERE connector = $1 AND state = 'waiting'", [connector.name]);
  expect(jobs).toEqual([]);
  // Its key is parked while the row is on its way: it is not looked at, which does not make it equal.
  const parking = repaired(pipeline, false);
  const parkedJob = await publishing(control, connector.name);
  await pipeline.target.query(
    "INSERT INTO offtake.parked (connector, table_name, key_columns, key, queue) VALUES ($1, 'public.trades', '{b,a}', '{b2,50}', 1)",
    [connector.name],
  );
  await control.query("UPDATE offtake.snapshot SET state = 'copied', finished_at = clock_timestamp() WHERE id = $1", [parkedJob]);
  expect(await parking).toMatchObject({
    exit: 1,
    object: { tables: [{ left: { undecided: [{ key: { b: "b2", a: "50" }, waitsFor: "its events among the dead letters (offtake dlq)" }] } }] },
  });
  await pipeline.target.query("DELETE FROM offtake.parked");
  // Its table is marked while the row is on its way: nobody can say what it is, and the audit has that it was published.
  const marking = repaired(pipeline, false);
  const markedJob = await publishing(control, connector.name);
  const repairs = "SELECT FROM offtake.audit WHERE action = 'repair'";
  const before = (await control.query(repairs, [])).rowCount ?? 0;
  await pipeline.target.query("INSERT INTO offtake.needs_copy (connector, table_name, reason) VALUES ($1, 'public.trades', 'a test')", [
    connector.name,
  ]);
  await control.query("UPDATE offtake.snapshot SET state = 'copied', finished_at = clock_timestamp() WHERE id = $1", [markedJob]);
  expect(await marking).toMatchObject({
    exit: 1,
    object: { tables: [{ left: { undecided: [{ key: { b: "b2", a: "50" }, waitsFor: expect.stringContaining("a test") }] } }] },
  });
  expect((await control.query(repairs, [])).rowCount).toBe(before + 1);
  await pipeline.target.query("DELETE FROM offtake.needs_copy");
  // The key changes while the rows are on their way: they cannot be looked at by the old one, which makes none of them equal.
  const rekeyed = repaired(pipeline, false);
  const rekeyedJob = await publishing(control, connector.name);
  await source.query("ALTER TABLE trades DROP CONSTRAINT trades_pkey, ADD PRIMARY KEY (a)");
  await control.query("UPDATE offtake.snapshot SET state = 'copied', finished_at = clock_timestamp() WHERE id = $1", [rekeyedJob]);
  const { exit, text, object } = await rekeyed;
  const [found, left] = ["0 differing, 1 missing, 0 extra", "0 differing, 0 missing, 0 extra, 1 undecided"];
  expect([exit, text]).toEqual([1, `public.trades: published 1 rows again (${found}): left: ${left}`]);
  const waitsFor = "a pass by the table's new key: it is a now, and was b, a";
  expect(object.tables[0]!.left).toEqual({ missing: [], extra: [], differing: [], undecided: [{ key: { b: "b2", a: "50" }, waitsFor }] });
  await control.end();
});
