/**
 * Between passes: rows that are wrong are told within seconds of their change, also those that change every few milliseconds, which no two reads ever find alike; and those that are right
 * never are.
 */
import { expect, inject, test } from "vitest";
import { ControlSession } from "../../../services/control/control-session.ts";
import { readPasses } from "../../../services/control/pass-history.ts";
import { createPipeline } from "../../support/pipeline.ts";

import { waitFor } from "../../support/wait-for.ts";
import { loaded, pass, startReconciler, streaming } from "./passing.ts";

const schema = `
  CREATE TABLE trades (place text, id int8, n int, note text, r float8, big text, PRIMARY KEY (id, place));
  ALTER TABLE trades ALTER COLUMN big SET STORAGE EXTERNAL`;

const numbers = "SELECT string_agg(md5(g::text), '') FROM generate_series(1, 300) g";

test("rows that have just changed are looked at, and hot ones are held against the stream", async () => {
  // With a control database of its own, since it is to refuse what is found.
  const servers = { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  await using pipeline = await createPipeline(schema, { servers, tables: { trades: { reconcile: { every: "24h" } } } });
  await pipeline.target.query(schema);
  await using units = new AsyncDisposableStack();
  units.use(await streaming(pipeline));
  const { configuration, connector, metrics, source, target } = pipeline;
  await source.query(`INSERT INTO trades SELECT 'x', i, 0, 'n', i / 3.0, (${numbers}) FROM generate_series(1, 100) i`);
  const control = new ControlSession(configuration.control.url, "offtake test");
  units.defer(async () => control.end());
  const unit = units.use(startReconciler(pipeline));
  await waitFor(async () => (await readPasses(control, connector.name)).length === 1, { what: "the first pass" });
  const told = async (): Promise<{ kind: string; key: { id: string }; columns: { name: string }[] }[]> =>
    (
      await control.query<{ kind: string; key: { id: string }; columns: { name: string }[] }>(
        `SELECT m.kind, m.key, m.detail -> 'columns' AS columns FROM offtake.mismatch m JOIN offtake.reconciliation r ON r.id = m.reconciliation
          WHERE r.connector = $1 AND r.level = 'stream' ORDER BY m.key ->> 'id'`,
        [connector.name],
      )
    ).rows;
  const looks = async (): Promise<boolean> => {
    await source.query("UPDATE trades SET n = 1 WHERE id = 99");
    return (await metrics.registry.metrics()).includes("offtake_reconcile_stream_rows_total{");
  };
  await waitFor(looks, { what: "the first look" });
  // What is applied is altered there.
  await target.query(`
    CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := ''spoilt''; RETURN NEW; END';
    CREATE TRIGGER spoil BEFORE UPDATE ON trades FOR EACH ROW WHEN (NEW.id IN (2, 50, 60, 70)) EXECUTE FUNCTION spoil();
    ALTER TABLE trades ENABLE ALWAYS TRIGGER spoil;
    UPDATE trades SET big = 'wrong' WHERE id = 1`);
  await source.query("UPDATE trades SET n = 1 WHERE id IN (50, 51)");
  await waitFor(async () => (await told()).length === 1, { what: "the cold row" });
  expect(await told()).toMatchObject([
    { kind: "differing", key: { place: "x", id: "50" }, columns: [{ name: "note", source: "n", target: "spoilt" }] },
  ]);
  {
    // More often than any two reads, and no more often than the applier keeps up with, on a busy machine too: what has changed two hundred times since is not decided.
    await using load = loaded(async () => void (await source.query("UPDATE trades SET n = n + 1 WHERE id IN (1, 2, 3, 4); SELECT pg_sleep(0.02)")));
    await waitFor(async () => (await told()).length === 3, { what: "both hot rows" });
    const [report] = await pass(pipeline);
    expect(report).toMatchObject({ verdict: "mismatch", missing: [], extra: [], undecided: [] });
    expect(new Set(report!.differing.map(({ key }) => key["id"]))).toEqual(new Set(["1", "2", "50"]));
    expect(load.turns()).toBeGreaterThan(0);
  }
  expect((await told()).map(({ key, columns }) => [key, columns.map(({ name }) => name)])).toEqual([
    [{ place: "x", id: "1" }, ["big"]],
    [{ place: "x", id: "2" }, ["note"]],
    [{ place: "x", id: "50" }, ["note"]],
  ]);
  const text = await metrics.registry.metrics();
  expect(unit.log).toContainEqual(expect.objectContaining({ msg: "rows that have just changed are wrong at the target", differing: 1 }));
  expect(text).toContain('offtake_reconcile_stream_mismatches_total{service="trading",table="public.trades",kind="differing"} 3');
  expect(await readPasses(control, connector.name)).toMatchObject([{ level: "stream", verdict: "mismatch" }]);
  // What cannot be recorded is found again. A right that is missing there is no fault of the table, of which nobody would hear.
  await control.query(
    `CREATE FUNCTION offtake.away() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE insufficient_privilege; END';
     CREATE TRIGGER away BEFORE INSERT ON offtake.reconciliation FOR EACH ROW WHEN (NEW.level = 'stream') EXECUTE FUNCTION offtake.away()`,
    [],
  );
  await source.query("UPDATE trades SET n = 1 WHERE id = 70");
  await waitFor(() => unit.log.some(({ msg }) => msg?.startsWith("rows that change are not looked at for the moment") === true), {
    what: "the control database to refuse it",
  });
  await control.query("DROP TRIGGER away ON offtake.reconciliation", []);
  await source.query("UPDATE trades SET n = 2 WHERE id = 70");
  await waitFor(async () => (await told()).some(({ key }) => key.id === "70"), { what: "the row that could not be recorded" });
  await unit.stop();
  await source.query("UPDATE trades SET n = 1 WHERE id = 60");
  await waitFor(async () => (await target.query("SELECT FROM trades WHERE id = 60 AND n = 1")).rowCount === 1, { what: "the change at the target" });
  units.use(startReconciler(pipeline));
  await waitFor(async () => (await told()).some(({ key }) => key.id === "60"), { what: "what was applied while nobody looked" });
});
