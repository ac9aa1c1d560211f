import { Client } from "pg";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { controlVersion, migrateControl } from "../../../services/control/migrate-control.ts";
import { SnapshotJobs } from "../../../services/control/snapshot-jobs.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase } from "../../support/databases.ts";
import { errorOf } from "../../support/error-of.ts";
import { waitFor } from "../../support/wait-for.ts";

const database = await freshDatabase("target");
const admin = new Client({ connectionString: database.url });
await admin.connect();
const jobs = new SnapshotJobs(new Secret(database.url), "offtake test");
afterAll(async () => {
  await jobs.close();
  await admin.end();
  await database.drop();
});

beforeEach(async () => {
  await admin.query("DROP SCHEMA IF EXISTS offtake CASCADE");
  await migrateControl(admin);
});

async function states(): Promise<string[]> {
  const { rows } = await admin.query<{ shown: string }>("SELECT table_name || ' ' || state AS shown FROM offtake.snapshot ORDER BY id");
  return rows.map(({ shown }) => shown);
}

async function tables(connector = "trading"): Promise<string[]> {
  return (await jobs.open(connector)).map(({ table }) => table);
}

/** One open job. */
async function job(table = "public.trades"): Promise<string> {
  await jobs.request("trading", "trading-engine", [table], "it had rows before");
  return (await jobs.open("trading")).find((each) => each.table === table)!.id;
}

/** @returns false; throws what is another error */
function isUnreachable(error: unknown): boolean {
  if (error instanceof OfftakeError && error.code === "CONTROL_UNREACHABLE") return false;
  throw error;
}

const start = { tableOid: 4_000_000_000, keyColumns: ["id"], estimatedRows: 1000.4, estimatedBytes: 80_000 };

describe("the schema of the control database", () => {
  test("is made once, and found there afterwards", async () => {
    await admin.query("DROP SCHEMA offtake CASCADE");
    expect(await controlVersion(admin)).toEqual({ installed: 0, wanted: 9 });
    expect([await migrateControl(admin), await migrateControl(admin)]).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9], []]);
    expect(await controlVersion(admin)).toEqual({ installed: 9, wanted: 9 });
  });
});

describe("the journal of copies", () => {
  test("has what was asked for, oldest first, each connector its own", async () => {
    await jobs.request("trading", "trading-engine", ["public.trades", 'odd."na,me"'], "it had rows before");
    await jobs.request("users", "api", ["public.users"], "it had rows before");
    await jobs.request("trading", "trading-engine", [], "nothing");
    expect(await jobs.open("trading")).toEqual(
      ["public.trades", 'odd."na,me"'].map((table) => ({
        id: expect.stringMatching(/^\d+$/),
        table,
        reason: "it had rows before",
        wantedColumns: undefined,
        keyColumns: undefined,
        lastKey: undefined,
        tableOid: undefined,
        rows: 0,
        bytes: 0,
        estimatedRows: undefined,
      })),
    );
    expect(await tables("users")).toEqual(["public.users"]);
  });

  test("has one open job for each table, however often it is asked for", async () => {
    await job();
    await jobs.request("trading", "trading-engine", ["public.trades", "public.users"], "again");
    expect(await tables()).toEqual(["public.trades", "public.users"]);
    await jobs.copied((await jobs.open("trading"))[0]!.id);
    await job();
    expect(await states()).toEqual(["public.trades copied", "public.users waiting", "public.trades waiting"]);
  });

  test("of a copy that waits has the newest reason, of one that is under way that for which it was begun", async () => {
    const id = await job();
    await jobs.request("trading", "trading-engine", ["public.trades"], "and another reason");
    expect((await jobs.open("trading")).map(({ reason }) => reason)).toEqual(["and another reason"]);
    expect(await jobs.started(id, start)).toBe("and another reason");
    await jobs.request("trading", "trading-engine", ["public.trades"], "a third");
    expect((await jobs.open("trading")).map(({ reason }) => reason)).toEqual(["and another reason"]);
  });

  test("remembers how far a copy has come, for whoever goes on with it", async () => {
    const id = await job();
    await jobs.started(id, { ...start, keyColumns: ["day", 'odd, "name"'] });
    expect(await jobs.progress(id, { lastKey: ["2026-01-01", '{"a",\\b}'], rows: 12, bytes: 3_000_000_000, movesFrom: 5_000_000_000 })).toBe(true);
    expect(await jobs.open("trading")).toEqual([
      {
        id,
        table: "public.trades",
        reason: "it had rows before",
        wantedColumns: undefined,
        keyColumns: ["day", 'odd, "name"'],
        lastKey: ["2026-01-01", '{"a",\\b}'],
        tableOid: 4_000_000_000,
        movesFrom: 5_000_000_000,
        rows: 12,
        bytes: 3_000_000_000,
        estimatedRows: 1000,
      },
    ]);
  });

  test("a copy that is started once more begins anew, by another key, too", async () => {
    const id = await job();
    await jobs.started(id, start);
    await jobs.progress(id, { lastKey: ["7"], rows: 7, bytes: 70, movesFrom: 1 });
    await jobs.started(id, { ...start, tableOid: 16_400, keyColumns: ["number"] });
    expect(await jobs.open("trading")).toMatchObject([{ keyColumns: ["number"], lastKey: undefined, tableOid: 16_400, rows: 0, bytes: 0 }]);
  });

  test("says of a job that was cancelled meanwhile that it is, and does not take it up again", async () => {
    const id = await job();
    await jobs.started(id, start);
    await admin.query("UPDATE offtake.snapshot SET state = 'cancelled', finished_at = now()");
    expect(await jobs.progress(id, { lastKey: ["7"], rows: 7, bytes: 70, movesFrom: 1 })).toBe(false);
    await jobs.started(id, start);
    await jobs.failed(id, new OfftakeError("INTERNAL", "too late"));
    expect([await states(), await tables()]).toEqual([["public.trades cancelled"], []]);
  });

  test("what has failed says why, and is not asked for again by the connector, as what was cancelled is not", async () => {
    await jobs.failed(await job(), new OfftakeError("TABLE_UNSUITABLE", "It has no key.", { cure: "Give it one." }));
    await job("public.users");
    await admin.query("UPDATE offtake.snapshot SET state = 'cancelled' WHERE table_name = 'public.users'");
    await jobs.request("trading", "trading-engine", ["public.trades", "public.users", "public.orders"], "it had rows before");
    expect(await states()).toEqual(["public.trades failed", "public.users cancelled", "public.orders waiting"]);
    const { rows } = await admin.query(
      "SELECT error, finished_at IS NOT NULL AS finished, requested_by FROM offtake.snapshot WHERE state = 'failed'",
    );
    expect(rows).toEqual([{ error: "TABLE_UNSUITABLE: It has no key. Give it one.", finished: true, requested_by: "the connector" }]);
  });

  test("a copy whose end is in the topic has ended, whatever was asked for meanwhile", async () => {
    const id = await job();
    await admin.query("UPDATE offtake.snapshot SET state = 'cancelled'");
    await jobs.copied(id);
    expect(await states()).toEqual(["public.trades copied"]);
  });

  test("a session that is lost is opened again", async () => {
    await job();
    await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'offtake test'",
    );
    expect(await waitFor(async () => tables().catch(isUnreachable), { what: "an answer in a new session" })).toEqual(["public.trades"]);
  });

  test("a database without the schema, and one that is away, are told apart", async () => {
    await admin.query("DROP SCHEMA offtake CASCADE");
    const error = await errorOf(tables());
    expect([error.code, error.retry, error.cure]).toEqual(["CONTROL_NOT_PREPARED", "operator", "Run `offtake up`."]);
    const away = new SnapshotJobs(new Secret("postgres://offtake:hidden@127.0.0.1:1/control"), "offtake test");
    const unreachable = await errorOf(away.open("trading"));
    expect([unreachable.code, unreachable.retry]).toEqual(["CONTROL_UNREACHABLE", "yes"]);
    expect(unreachable.message).toMatch(/^The control database at /);
    expect(unreachable.line).not.toContain("hidden");
    await away.close();
  });
});
