import pg from "pg";
import { afterAll, expect, test } from "vitest";
import { parseLsn } from "../../../connectors/postgres/lsn.ts";
import { SourceSide } from "../../../services/reconcile/source-side.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase } from "../../support/databases.ts";
import { errorOf } from "../../support/error-of.ts";
import { waitFor } from "../../support/wait-for.ts";
import { sideTable } from "./side-table.ts";

const database = await freshDatabase("source");
const admin = new pg.Client(database.url);
await admin.connect();
await admin.query("CREATE TABLE t (id int PRIMARY KEY)");
const source = await SourceSide.open(new Secret(database.url), "offtake test");
afterAll(async () => {
  await source.end();
  await admin.end();
  await database.drop();
});

const table = sideTable([]);

test("a read writes nothing", async () => {
  const writing = source.read(table, async (client) => client.query("INSERT INTO public.t VALUES (1)"));
  expect(await errorOf(writing)).toMatchObject({ code: "SOURCE_REFUSED", message: expect.stringContaining("read-only transaction") });
  expect(await source.read(table, async (client) => (await client.query("SELECT FROM public.t")).rowCount)).toBe(0);
});

test("what lies behind a read lies behind all that it saw", async () => {
  await admin.query("INSERT INTO t VALUES (1)");
  const { rows } = await admin.query<{ at: string }>("SELECT pg_current_wal_insert_lsn() AS at");
  expect((await source.passed()) > parseLsn(rows[0]!.at)).toBe(true);
});

test("a table that somebody has locked is waited for, and not for ever", async () => {
  await admin.query("BEGIN; LOCK TABLE t");
  expect(await errorOf(source.read(table, async () => 1))).toMatchObject({ code: "RECONCILE_STALLED" });
  await admin.query("COMMIT");
  expect(await source.read(table, async () => 1)).toBe(1);
});

test("a transaction in a statement since before may have been applied, one that goes on afterwards has not", async () => {
  const { rows } = await admin.query<{ oid: number }>("SELECT 't'::regclass::oid::int8::float8 AS oid");
  const own = { ...table, oid: rows[0]!.oid };
  const { signal } = new AbortController();
  const open = new pg.Client(database.url);
  await open.connect();
  await admin.query("SELECT pg_advisory_lock(1)");
  await open.query("BEGIN; INSERT INTO t VALUES (7)");
  const { rows: xids } = await open.query<{ xid: string }>("SELECT pg_current_xact_id()::text AS xid");
  expect(await source.seesApplied(own, 5000, signal)).toBeUndefined();
  const statement = open.query("SELECT pg_advisory_lock(1)");
  const waits = "SELECT FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()";
  await waitFor(async () => (await admin.query(waits)).rowCount === 1, { what: "its statement" });
  expect(await source.seesApplied(own, 100, signal)).toBe(Number(xids[0]!.xid));
  await admin.query("SELECT pg_advisory_unlock(1)");
  await statement;
  expect(await source.seesApplied(own, 5000, signal)).toBeUndefined();
  await open.end();
});

test("a source that has too much to do is waited for, and not for ever", async () => {
  const { signal } = new AbortController();
  await source.rests(undefined, 0, signal);
  const busy = new pg.Client(database.url);
  await busy.connect();
  await admin.query("SELECT pg_advisory_lock(2)");
  const statement = busy.query("SELECT pg_advisory_lock(2)");
  const waits = "SELECT FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()";
  await waitFor(async () => (await admin.query(waits)).rowCount === 1, { what: "its statement" });
  const message = expect.stringContaining("snapshot.maxActiveSessions is 0");
  expect(await errorOf(source.rests(0, 150, signal))).toMatchObject({ code: "RECONCILE_STALLED", message });
  const patient = source.rests(1_000_000, 5000, signal);
  await admin.query("SELECT pg_advisory_unlock(2)");
  await Promise.all([statement, patient]);
  await busy.end();
});
