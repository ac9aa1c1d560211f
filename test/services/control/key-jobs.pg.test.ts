import { Client } from "pg";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { ControlSession } from "../../../services/control/control-session.ts";
import { cancelKeys, readJob, requestKeys } from "../../../services/control/key-jobs.ts";
import { migrateControl } from "../../../services/control/migrate-control.ts";
import { SnapshotJobs } from "../../../services/control/snapshot-jobs.ts";
import { cancelCopies, readCopies, requestCopies, restartCopies } from "../../../services/control/snapshot-orders.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase } from "../../support/databases.ts";

const database = await freshDatabase("target");
const admin = new Client({ connectionString: database.url });
await admin.connect();
const jobs = new SnapshotJobs(new Secret(database.url), "offtake test");
const control = new ControlSession(new Secret(database.url), "offtake test");
afterAll(async () => {
  await jobs.close();
  await control.end();
  await admin.end();
  await database.drop();
});

beforeEach(async () => {
  await admin.query("DROP SCHEMA IF EXISTS offtake CASCADE");
  await migrateControl(admin);
});

const order = {
  connector: "trading",
  service: "trading-engine",
  table: "public.trades",
  columns: ["day", 'odd, "name"'],
  keys: [
    ["2026-01-01", `it's "odd", {\\a\nb}`],
    ["2026-01-02", ""],
  ],
  reason: "repair of reconciliation 7",
  requestedBy: "somebody",
};

async function ask(): Promise<string> {
  return requestKeys(control, order);
}

async function copy(): Promise<string[]> {
  const tables = [{ table: "public.trades", reason: "its copy was asked for" }];
  return requestCopies(control, { connector: "trading", service: "trading-engine", tables, requestedBy: "somebody" });
}

describe("a job that reads a list of keys", () => {
  test("is put in, and asked about, by its number", async () => {
    const id = await ask();
    expect(await readJob(control, id)).toEqual({ state: "waiting", error: null, keys: 2, done: 0, waitsFor: null });
    await jobs.failed(id, new OfftakeError("SNAPSHOT_TABLE_CHANGED", "Its key is another.", { cure: "Look at it." }));
    expect(await readJob(control, id)).toMatchObject({ state: "failed", error: "SNAPSHOT_TABLE_CHANGED: Its key is another. Look at it." });
    expect(await readJob(control, "4711")).toBeUndefined();
  });

  test("stands beside a copy of its table, and beside others of its kind", async () => {
    const ids = [await ask(), await ask()];
    expect(await copy()).toEqual(["public.trades"]);
    expect(await copy()).toEqual([]);
    ids.push(await ask());
    expect(new Set(ids).size).toBe(3);
    expect(await readCopies(control, "trading")).toMatchObject([{ table: "public.trades", reason: "its copy was asked for", state: "waiting" }]);
  });

  test("is not what `snapshot status` shows of its table, nor does it keep the connector from copying that", async () => {
    const id = await ask();
    expect(await readCopies(control, "trading")).toEqual([]);
    await jobs.failed(id, new OfftakeError("INTERNAL", "no"));
    await jobs.request("trading", "trading-engine", ["public.trades"], "it had rows before");
    expect(await readCopies(control, "trading")).toMatchObject([{ reason: "it had rows before" }]);
  });

  test("is called off by its number, and not with the copies", async () => {
    const id = await ask();
    await copy();
    expect(await cancelCopies(control, { connector: "trading", service: "trading-engine", who: "somebody" })).toEqual(["public.trades"]);
    expect(await readJob(control, id)).toMatchObject({ state: "waiting" });
    expect([await cancelKeys(control, id), await cancelKeys(control, id)]).toEqual([true, false]);
    expect(await readJob(control, id)).toMatchObject({ state: "cancelled" });
  });

  test("begins anew where its topic is gone", async () => {
    const id = await ask();
    await jobs.started(id, { tableOid: 16_400, keyColumns: ["day"], estimatedRows: 2, estimatedBytes: 0 });
    await restartCopies(control, "trading");
    expect(await readJob(control, id)).toMatchObject({ state: "waiting", done: 0 });
  });
});
