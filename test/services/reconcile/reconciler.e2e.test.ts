/** The schedule: one process compares, by what the history says, and tells in metrics and log what it has found. */
import pg from "pg";
import { expect, test } from "vitest";
import { ControlSession } from "../../../services/control/control-session.ts";
import { readPasses, type TablePasses } from "../../../services/control/pass-history.ts";
import { status } from "../../../services/cli/status.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startReconciler, streaming } from "./passing.ts";

test("a table with a schedule is compared again and again, by one process, and what it finds is told", async () => {
  const schema = "CREATE TABLE trades (id int8 PRIMARY KEY, n int); CREATE TABLE users (id int8 PRIMARY KEY)";
  await using pipeline = await createPipeline(schema, {
    tables: { trades: { reconcile: { every: "1s", level: "strict", maxLag: "1s" } }, users: null },
  });
  await pipeline.target.query(schema);
  await using units = new AsyncDisposableStack();
  const stream = units.use(await streaming(pipeline));
  const { configuration, connector, metrics, source, target } = pipeline;
  await source.query("INSERT INTO trades SELECT i, 0 FROM generate_series(1, 100) i");
  const control = new ControlSession(configuration.control.url, "offtake test");
  const passes = async (): Promise<TablePasses[]> => readPasses(control, connector.name);
  const other = new pg.Client(pipeline.controlUrl);
  await other.connect();
  await other.query("SELECT pg_advisory_lock(hashtext('offtake reconciler'), hashtext($1))", [connector.name]);
  // As it has said when it was the one that compares.
  for (const name of ["trading", "another"]) metrics.reconcileAlert.set({ service: name, table: "public.gone", kind: "lag" }, 1);
  await using unit = startReconciler(pipeline);
  await unit.working;
  expect(await passes()).toEqual([]);
  await waitFor(async () => !(await metrics.registry.metrics()).includes('offtake_reconcile_alert_active{service="trading"'), {
    what: "a standby to say nothing of what another one knows",
  });
  expect(await metrics.registry.metrics()).toContain('offtake_reconcile_alert_active{service="another"');
  await other.end();
  await waitFor(async () => (await passes()).length === 1, { what: "the first pass" });
  expect(await passes()).toMatchObject([{ table: "public.trades", verdict: "equal", level: "strict", mismatches: 0 }]);
  await target.query("UPDATE trades SET n = 1 WHERE id = 7; DELETE FROM trades WHERE id IN (8, 9)");
  await waitFor(async () => (await passes())[0]!.verdict === "mismatch", { what: "a pass that finds it" });
  await waitFor(() => unit.log.some(({ msg, missing }) => msg === "compared, and not found equal" && missing === 2), { what: "the log" });
  const text = await metrics.registry.metrics();
  expect(text).toContain('offtake_reconcile_mismatches{service="trading",table="public.trades",kind="missing"} 2');
  expect(text).toMatch(/^offtake_reconcile_last_clean_timestamp_seconds\{service="trading",table="public\.trades"\} \d+/m);
  // Alerts: each is raised where it holds, seen by whoever asks, and over when its reason is.
  const alerts = async (): Promise<string[]> => (await status(configuration)).object.services[0]!.alerts.map(({ kind }) => kind);
  await waitFor(async () => (await alerts()).includes("mismatch"), { what: "the alert" });
  expect(unit.log).toContainEqual(expect.objectContaining({ msg: "alert", err: expect.objectContaining({ code: "RECONCILE_MISMATCHES" }) }));
  expect((await status(configuration)).text).toMatch(
    /^trading: public\.trades: alert \(mismatch\) since \d{4}-.*: 3 of its rows are wrong at the target\.$/m,
  );
  expect(await metrics.registry.metrics()).toContain('offtake_reconcile_alert_active{service="trading",table="public.trades",kind="mismatch"} 1');
  await target.query("UPDATE trades SET n = 0 WHERE id = 7; INSERT INTO trades VALUES (8, 0), (9, 0)");
  await waitFor(async () => (await alerts()).length === 0, { what: "the end of the alert" });
  await stream[Symbol.asyncDispose]();
  await waitFor(async () => (await alerts()).includes("lag"), { what: "the alert of a target that stands still" });
  expect(await metrics.registry.metrics()).toContain('offtake_reconcile_alert_active{service="trading",table="public.trades",kind="mismatch"} 0');
  await unit.stop();
  await control.end();
});
