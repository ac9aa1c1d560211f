/** The schedule: one process compares, by what the history says, and tells in metrics and log what it has found. */
import pg from "pg";
import { expect, test } from "vitest";
import { ControlSession } from "../../../services/control/control-session.ts";
import { readPasses, type TablePasses } from "../../../services/control/pass-history.ts";
import { runReconciler } from "../../../services/reconcile/reconciler.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { startUnit } from "../../support/running-unit.ts";
import { waitFor } from "../../support/wait-for.ts";
import { streaming } from "./passing.ts";

test("a table with a schedule is compared again and again, by one process, and what it finds is told", async () => {
  const schema = "CREATE TABLE trades (id int8 PRIMARY KEY, n int); CREATE TABLE users (id int8 PRIMARY KEY)";
  await using pipeline = await createPipeline(schema, { tables: { trades: { reconcile: { every: "1s", level: "strict" } }, users: null } });
  await pipeline.target.query(schema);
  await using units = new AsyncDisposableStack();
  units.use(await streaming(pipeline));
  const { configuration, connector, service, metrics, source, target } = pipeline;
  await source.query("INSERT INTO trades SELECT i, 0 FROM generate_series(1, 100) i");
  const control = new ControlSession(configuration.control.url, "offtake test");
  const passes = async (): Promise<TablePasses[]> => readPasses(control, connector.name);
  const other = new pg.Client(pipeline.controlUrl);
  await other.connect();
  await other.query("SELECT pg_advisory_lock(hashtext('offtake reconciler'), hashtext($1))", [connector.name]);
  await using unit = startUnit(async ({ log, working, signal }) =>
    runReconciler({ configuration, connector, service, log, metrics, reconciling: working }, signal),
  );
  await unit.working;
  expect(await passes()).toEqual([]);
  await other.end();
  await waitFor(async () => (await passes()).length === 1, { what: "the first pass" });
  expect(await passes()).toMatchObject([{ table: "public.trades", verdict: "equal", level: "strict", mismatches: 0 }]);
  await target.query("UPDATE trades SET n = 1 WHERE id = 7; DELETE FROM trades WHERE id IN (8, 9)");
  await waitFor(async () => (await passes())[0]!.verdict === "mismatch", { what: "a pass that finds it" });
  await waitFor(() => unit.log.some(({ msg, missing }) => msg === "compared, and not found equal" && missing === 2), { what: "the log" });
  const text = await metrics.registry.metrics();
  expect(text).toContain('offtake_reconcile_mismatches{service="trading",table="public.trades",kind="missing"} 2');
  expect(text).toMatch(/^offtake_reconcile_last_clean_timestamp_seconds\{service="trading",table="public\.trades"\} \d+/m);
  await unit.stop();
  await control.end();
});
