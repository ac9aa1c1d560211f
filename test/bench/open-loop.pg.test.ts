/** A load that waited for answers would show a stall as one slow transaction, and its 99th percentile would not have it. */
import pg from "pg";
import { expect, test } from "vitest";
import { freshDatabase } from "../support/databases.ts";
import { waitFor } from "../support/wait-for.ts";
import { OpenLoop } from "./open-loop.ts";

test("a stall is seen in every transaction that was due meanwhile", async () => {
  const database = await freshDatabase("source");
  const blocker = new pg.Client(database.url);
  await blocker.connect();
  await blocker.query("CREATE TABLE t (n int); INSERT INTO t VALUES (0)");
  let answered = 0;
  const load = await OpenLoop.start(database.url, { perSecond: 200, connections: 1 }, () => ({
    statement: { name: "touch", text: "UPDATE t SET n = n + 1", values: [] },
    acknowledged: (rows) => {
      expect(rows).toBe(1);
      answered += 1;
    },
  }));
  await waitFor(() => answered > 0, { what: "the first transaction" });
  await blocker.query("BEGIN; LOCK TABLE t");
  load.take();
  await blocker.query("SELECT pg_sleep(0.5)");
  const before = answered;
  await blocker.query("COMMIT");
  await waitFor(() => answered >= before + 50, { what: "half of those that were due" });
  const { p50, max, transactions } = load.take();
  expect(max).toBeGreaterThan(450);
  expect(p50).toBeGreaterThan(100);
  await load.stop();
  expect((await blocker.query<{ n: number }>("SELECT n FROM t")).rows).toEqual([{ n: answered }]);
  expect(transactions).toBeGreaterThanOrEqual(50);
  await blocker.end();
  await database.drop();
});

test("a transaction that fails ends the load", async () => {
  const database = await freshDatabase("source");
  const load = await OpenLoop.start(database.url, { perSecond: 100, connections: 2 }, () => ({
    statement: { name: "broken", text: "SELECT 1 / 0", values: [] },
  }));
  await waitFor(
    () => {
      try {
        load.take();
        return false;
      } catch {
        return true;
      }
    },
    { what: "the failure" },
  );
  await expect(load.stop()).rejects.toThrow("division by zero");
  await database.drop();
});
