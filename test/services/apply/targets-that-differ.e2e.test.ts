/** Targets that differ from the monolith: other names, fewer and more columns, another order, wider types, triggers of their own. */
import { expect, test } from "vitest";
import { check } from "../../../services/cli/check.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { caughtUp } from "./same-texts.ts";

const monolith = `
  CREATE TABLE positions (id int4 PRIMARY KEY, symbol varchar(5), qty numeric(10,2), last_synced_at timestamptz, secret text);
  CREATE TABLE notes (body text, secret text);
  ALTER TABLE notes REPLICA IDENTITY FULL;
  CREATE TABLE plain (id int4 PRIMARY KEY, "Big text" text)`;

const tables = {
  positions: { target: "desk.open_positions", columns: { last_synced_at: "synced_at", qty: "Quantity" }, exclude: ["secret"] },
  notes: { target: "desk.remarks", columns: { body: "remark" }, exclude: ["secret"] },
  plain: null,
};

test("every change reaches the table that it is mapped to, and leaves alone what is the target's own", async () => {
  await using pipeline = await createPipeline(monolith, { tables });
  const { source, target } = pipeline;
  const before = await pipeline.up();
  expect(before.tables?.leftOut.map(({ what }) => what)).toEqual(expect.arrayContaining(["table desk.open_positions", "table desk.remarks"]));
  expect((await check(pipeline.configuration)).map(({ what }) => what)).toEqual(
    expect.arrayContaining([expect.stringContaining("no table desk.open_positions, and a table with a mapping is not created")]),
  );
  await target.query(`
    CREATE SCHEMA desk;
    CREATE TABLE desk.open_positions (
      touched int4 NOT NULL DEFAULT 0, "Quantity" numeric, synced_at timestamptz, symbol text, id int8 PRIMARY KEY, note text DEFAULT 'ours', doubled numeric GENERATED ALWAYS AS ("Quantity" * 2) STORED);
    CREATE TABLE desk.remarks (own int4 DEFAULT 7, remark text);
    CREATE TABLE desk.log (what text);
    CREATE FUNCTION desk.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO desk.log VALUES (TG_OP); RETURN NULL; END $$;
    CREATE TRIGGER tell AFTER INSERT OR UPDATE ON desk.open_positions FOR EACH ROW EXECUTE FUNCTION desk.tell()`);
  expect((await check(pipeline.configuration)).filter(({ level }) => level === "fault")).toEqual([]);
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await Promise.all([connector.working, applier.working]);
  await source.query(`
    INSERT INTO positions SELECT i, 'S' || i, i * 1.50, '2026-01-01 00:00:00+00', 'hidden' FROM generate_series(1, 6) i;
    INSERT INTO notes VALUES ('twice', 'a'), ('twice', 'b'), ('once', NULL), (NULL, 'c');
    INSERT INTO plain VALUES (1, repeat('x', 3000))`);
  await caughtUp(pipeline, [connector, applier]);
  await target.query("UPDATE desk.open_positions SET note = 'kept', touched = 1");
  await source.query(`
    UPDATE positions SET qty = -1, secret = 'other' WHERE id = 1;
    UPDATE positions SET id = 20 WHERE id = 2;
    UPDATE positions SET secret = 'only this' WHERE id = 5;
    DELETE FROM positions WHERE id = 3;
    DELETE FROM notes WHERE secret = 'a';
    UPDATE notes SET body = 'again' WHERE body IS NULL;
    UPDATE plain SET id = 2`);
  await caughtUp(pipeline, [connector, applier]);
  expect(
    (await target.query('SELECT id::int4, symbol, "Quantity"::text AS q, doubled::text AS d, note, touched FROM desk.open_positions ORDER BY 1'))
      .rows,
  ).toEqual([
    { id: 1, symbol: "S1", q: "-1.00", d: "-2.00", note: "kept", touched: 1 },
    { id: 4, symbol: "S4", q: "6.00", d: "12.00", note: "kept", touched: 1 },
    { id: 5, symbol: "S5", q: "7.50", d: "15.00", note: "kept", touched: 1 },
    { id: 6, symbol: "S6", q: "9.00", d: "18.00", note: "kept", touched: 1 },
    { id: 20, symbol: "S2", q: "3.00", d: "6.00", note: "kept", touched: 1 },
  ]);
  expect((await target.query("SELECT remark, own FROM desk.remarks ORDER BY 1")).rows).toEqual([
    { remark: "again", own: 7 },
    { remark: "once", own: 7 },
    { remark: "twice", own: 7 },
  ]);
  expect((await target.query('SELECT id, length("Big text") AS n FROM plain')).rows).toEqual([{ id: 2, n: 3000 }]);
  // The rows have passed the monolith's triggers; the only entries are those of the target's own update.
  expect((await target.query("SELECT DISTINCT what FROM desk.log")).rows).toEqual([{ what: "UPDATE" }]);
  await applier.stop();
  await connector.stop();
});

test("check names two tables that go to one, before anything is created", async () => {
  await using pipeline = await createPipeline(monolith, { tables: { positions: null, plain: { target: "positions" }, notes: null } });
  const findings = (await check(pipeline.configuration)).map(({ what }) => what);
  expect(findings).toEqual(expect.arrayContaining([expect.stringContaining("public.plain and public.positions")]));
});

test("check names what the mapping gets wrong, and types that are narrower than the monolith's", async () => {
  await using pipeline = await createPipeline(monolith, {
    tables: { positions: { columns: { nothing: "x" }, exclude: ["id", "none"] }, plain: null },
  });
  await pipeline.target.query(`
    CREATE TABLE positions (symbol varchar(2), qty numeric(6,2), last_synced_at timestamptz, secret text);
    CREATE TABLE plain (id int2 PRIMARY KEY, "Big text" text)`);
  const findings = (await check(pipeline.configuration)).filter(({ where }) => where.startsWith("service"));
  expect(findings.filter(({ level }) => level === "fault").map(({ what }) => what)).toEqual([
    "the mapping of public.positions names the column nothing, which the source does not have",
    "the mapping of public.positions names the column none, which the source does not have",
    "`exclude` leaves out the column id of the key of public.positions: rows could not be found",
  ]);
  const narrower = findings.filter(({ what }) => what.includes("at the source"));
  expect(narrower.map(({ level, what }) => [level, what.split(":")[0]])).toEqual([
    ["warning", "the column id of public.plain is smallint, at the source integer"],
    ["warning", "the column symbol of public.positions is character varying(2), at the source character varying(5)"],
    ["warning", "the column qty of public.positions is numeric(6,2), at the source numeric(10,2)"],
  ]);
  for (const { cure } of narrower) await pipeline.target.query(cure);
  expect((await check(pipeline.configuration)).filter(({ what }) => what.includes("at the source"))).toEqual([]);
});
