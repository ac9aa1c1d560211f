import { Client } from "pg";
import { afterAll, beforeEach, expect, test } from "vitest";
import { ControlSession } from "../../../services/control/control-session.ts";
import { migrateControl } from "../../../services/control/migrate-control.ts";
import { readPasses, recordPass } from "../../../services/control/pass-history.ts";
import { readMismatches } from "../../../services/control/pass-reports.ts";
import { readCopies, requestCopies } from "../../../services/control/snapshot-orders.ts";
import { incompleteReport, type Report } from "../../../services/reconcile/report.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase } from "../../support/databases.ts";

const database = await freshDatabase("target");
const admin = new Client({ connectionString: database.url });
await admin.connect();
const control = new ControlSession(new Secret(database.url), "offtake test");
afterAll(async () => {
  await control.end();
  await admin.end();
  await database.drop();
});

beforeEach(async () => {
  await admin.query("DROP SCHEMA IF EXISTS offtake CASCADE");
  await migrateControl(admin);
});

function passed(verdict: Report["verdict"], found: Partial<Report> = {}): Report {
  return { ...incompleteReport("trading", "public.trades", "detailed", new Date(), ""), verdict, ...found };
}

async function verifiedAt(): Promise<string | null> {
  return (await readCopies(control, "c"))[0]!.verifiedAt;
}

test("passes stand in the history with what they found, and the newest clean one is remembered", async () => {
  await recordPass(control, "c", passed("equal"));
  const differing = [{ key: { id: "3" }, columns: [{ name: "n", source: null, target: "" }], sourcePosition: "0/1", targetPosition: "0/2" }];
  const id = await recordPass(control, "c", passed("mismatch", { missing: [{ key: { id: "1" } }], extra: [{ key: { id: "2" } }], differing }));
  const [newest] = await readPasses(control, "c");
  expect(newest).toMatchObject({ table: "public.trades", verdict: "mismatch", level: "detailed", mismatches: 3 });
  expect(newest!.lastCleanAt! < newest!.finishedAt).toBe(true);
  const { rows } = await admin.query("SELECT kind, key, detail FROM offtake.mismatch WHERE reconciliation = $1 ORDER BY key", [id]);
  expect(rows).toEqual([
    { kind: "missing", key: { id: "1" }, detail: {} },
    { kind: "extra", key: { id: "2" }, detail: {} },
    { kind: "differing", key: { id: "3" }, detail: { columns: differing[0]!.columns, sourcePosition: "0/1", targetPosition: "0/2" } },
  ]);
  expect(await readPasses(control, "other")).toEqual([]);
});

test("a copy is verified by a clean pass that began after it was over", async () => {
  await requestCopies(control, { connector: "c", service: "s", tables: [{ table: "public.trades", reason: "r" }], requestedBy: "somebody" });
  await recordPass(control, "c", passed("equal"));
  expect(await verifiedAt()).toBeNull();
  await admin.query("UPDATE offtake.snapshot SET state = 'copied', finished_at = clock_timestamp()");
  const started = new Date();
  const over = (seconds: number): string => new Date(started.getTime() + seconds * 1000).toISOString();
  // It took a minute, and the copy was over a moment ago.
  await recordPass(control, "c", passed("equal", { startedAt: started.toISOString(), finishedAt: over(60) }));
  await recordPass(control, "c", passed("mismatch", { startedAt: started.toISOString(), finishedAt: over(0) }));
  expect(await verifiedAt()).toBeNull();
  await recordPass(control, "c", passed("equal", { startedAt: started.toISOString(), finishedAt: over(0) }));
  expect(await verifiedAt()).not.toBeNull();
});

test("of old passes the newest clean one is kept", async () => {
  await recordPass(control, "c", passed("equal"));
  await admin.query(`INSERT INTO offtake.reconciliation (connector, service, table_name, level, verdict, started_at, finished_at, mismatches, report)
    SELECT 'c', 'trading', 'public.trades', 'basic', 'mismatch', now(), now(), 0, '{}' FROM generate_series(1, 600)`);
  await recordPass(control, "c", passed("incomplete"));
  const { rows } = await admin.query("SELECT verdict, count(*)::int FROM offtake.reconciliation GROUP BY verdict ORDER BY verdict");
  expect(rows).toEqual([
    { verdict: "equal", count: 1 },
    { verdict: "incomplete", count: 1 },
    { verdict: "mismatch", count: 499 },
  ]);
});

test("what the stream shows adds to what the newest pass has found, and drives no pass out", async () => {
  const wrong = async (): Promise<unknown[]> => (await readMismatches(control, ["c"], { limit: 10 })).map(({ key, kind }) => [key, kind]);
  await recordPass(control, "c", passed("mismatch", { missing: [{ key: { id: "0" } }] }));
  const pass = await recordPass(control, "c", passed("mismatch", { missing: [{ key: { id: "1" } }, { key: { id: "2" } }] }));
  await recordPass(control, "c", passed("mismatch", { level: "stream", extra: [{ key: { id: "2" } }] }));
  expect(await wrong()).toEqual([
    [{ id: "2" }, "extra"],
    [{ id: "1" }, "missing"],
  ]);
  await admin.query(`INSERT INTO offtake.reconciliation (connector, service, table_name, level, verdict, started_at, finished_at, mismatches, report)
    SELECT 'c', 'trading', 'public.trades', 'stream', 'mismatch', now(), now(), 0, '{}' FROM generate_series(1, 600)`);
  await recordPass(control, "c", passed("mismatch", { level: "stream", extra: [{ key: { id: "3" } }] }));
  const { rows } = await admin.query(
    "SELECT level, count(*)::int, bool_or(id = $1) AS pass FROM offtake.reconciliation GROUP BY level ORDER BY level",
    [pass],
  );
  expect(rows).toEqual([
    { level: "detailed", count: 2, pass: true },
    { level: "stream", count: 500, pass: false },
  ]);
  expect((await readPasses(control, "c"))[0]!.lastPassAt).not.toBeNull();
  await recordPass(control, "c", passed("equal"));
  expect(await wrong()).toEqual([]);
});
