/** Passes over a whole pipeline: what is different is found with its kind and columns, and what is only late is not. */
import { describe, expect, test } from "vitest";
import { createPipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/wait-for.ts";
import { lastObject, offtake } from "../cli/cli-process.ts";
import { documentedAnswer, namesIn } from "../cli/documentation.ts";
import { loaded, pass, streaming } from "./passing.ts";

// Names that the statements of a pass use themselves; an enum is sorted as it was made, and so not alike on both sides.
const source = `
  CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE TABLE trades (id int8 PRIMARY KEY, price numeric, note text, doc json, docb jsonb, r float8, c char(5), place int);
  CREATE TABLE users (name text, part uuid, email text, secret text, PRIMARY KEY (name, part));
  CREATE TABLE moods (place mood, r int, xmin2 text, PRIMARY KEY (place, r))`;

const target = `
  CREATE TYPE mood AS ENUM ('ok', 'sad');
  CREATE TABLE trades (place int, r float8, docb jsonb, doc json, note text, price numeric, c char(5), id int8 PRIMARY KEY, own text DEFAULT 'x');
  CREATE TABLE people (mail text, part uuid, name varchar, PRIMARY KEY (name, part));
  CREATE TABLE moods (place mood, r int, xmin2 text, PRIMARY KEY (place, r))`;

const tables = { trades: null, users: { target: "people", columns: { email: "mail" }, exclude: ["secret"] }, moods: null };

describe("a pass", () => {
  test("finds what differs, at every level what it is for", async () => {
    await using pipeline = await createPipeline(source, { tables });
    await pipeline.target.query(target);
    await using units = new AsyncDisposableStack();
    units.use(await streaming(pipeline));
    await pipeline.source.query(`
      INSERT INTO trades SELECT i, i + 0.5, 'n' || i, '{"a": 1, "b": 2}', '{"a": 1, "b": 2}', i, 'c' || i % 100, NULL FROM generate_series(1, 25000) i;
      UPDATE trades SET r = 'NaN', price = 'NaN' WHERE id = 30; UPDATE trades SET r = '-0' WHERE id = 31;
      INSERT INTO users SELECT 'u' || i, gen_random_uuid(), NULL, 's' FROM generate_series(1, 100) i;
      INSERT INTO moods SELECT CASE i % 2 WHEN 0 THEN 'ok' ELSE 'sad' END::mood, i, 'x' FROM generate_series(1, 300) i`);
    const equal = await pass(pipeline);
    expect(equal.map(({ table, reason, verdict, compared, totalTarget }) => [table, reason, verdict, compared, totalTarget])).toEqual([
      ["public.moods", null, "equal", 300, 300],
      ["public.trades", null, "equal", 25000, 25000],
      ["public.users", null, "equal", 100, 100],
    ]);
    await pipeline.target.query(`
      DELETE FROM trades WHERE id = 12000;
      INSERT INTO trades (id, price) VALUES (99999, 1);
      UPDATE trades SET price = 7.50 WHERE id = 7;
      UPDATE trades SET doc = '{"b": 2, "a": 1}', docb = '{"b": 2, "a": 1}', c = 'c0', own = 'y' WHERE id = 20000;
      UPDATE trades SET r = '0' WHERE id = 31;
      UPDATE trades t SET note = 'n' || 45 - t.id WHERE id IN (22, 23);
      UPDATE people SET mail = '' WHERE name = 'u5';
      UPDATE moods SET xmin2 = NULL WHERE r = 5; DELETE FROM moods WHERE r = 6; INSERT INTO moods VALUES ('ok', 7, 'x')`);
    const [moods, trades, users] = await pass(pipeline);
    expect(trades).toMatchObject({ verdict: "mismatch", missing: [{ key: { id: "12000" } }], extra: [{ key: { id: "99999" } }], undecided: [] });
    const differing = Object.fromEntries(trades!.differing.map(({ key, columns }) => [key["id"], columns]));
    expect(differing).toEqual({
      7: [{ name: "price", source: "7.5", target: "7.50" }],
      22: [{ name: "note", source: "n22", target: "n23" }],
      23: [{ name: "note", source: "n23", target: "n22" }],
      31: [{ name: "r", source: "-0", target: "0" }],
      20000: [{ name: "doc", source: '{"a": 1, "b": 2}', target: '{"b": 2, "a": 1}' }],
    });
    expect(users!.differing.map(({ columns }) => columns)).toEqual([[{ name: "email", source: null, target: "" }]]);
    expect(moods).toMatchObject({ missing: [{ key: { place: "ok", r: "6" } }], extra: [{ key: { place: "ok", r: "7" } }] });
    expect(moods!.differing).toMatchObject([{ key: { place: "sad", r: "5" }, columns: [{ name: "xmin2", source: "x", target: null }] }]);
    const [, basic] = await pass(pipeline, { level: "basic" });
    expect([basic!.missing.length, basic!.extra.length, basic!.differing.length]).toEqual([1, 1, 0]);
    const [strict] = await pass(pipeline, { level: "strict", tables: ["public.trades"] });
    expect(strict).toMatchObject({ missing: trades!.missing, extra: trades!.extra });
    expect(Object.fromEntries(strict!.differing.map(({ key, columns }) => [key["id"], columns]))).toEqual(differing);
    const [divergent] = await pass(pipeline, { tables: ["public.trades"], mostCandidates: 4 });
    expect(divergent).toMatchObject({ verdict: "too-divergent", truncatedAt: 4, differing: [] });
    await pipeline.target.query(
      "INSERT INTO offtake.parked (connector, table_name, key_columns, key, queue) SELECT $1, 'public.users', '{part,name}', ARRAY[part::text, name], 1 FROM people WHERE name = 'u5'",
      [pipeline.connector.name],
    );
    expect(await pass(pipeline, { tables: ["public.users"] })).toMatchObject([{ verdict: "parked", parked: 1, differing: [] }]);
    await pipeline.target.query("DELETE FROM offtake.parked");
    const asJson = await offtake(["reconcile", "trading", "trades", "--format", "json", "--config", pipeline.file]);
    expect([asJson.code, namesIn(lastObject(asJson.stdout))]).toEqual([3, namesIn(documentedAnswer("reconcile"))]);
    const asCsv = await offtake(["reconcile", "trading", "users", "--format", "csv", "--config", pipeline.file]);
    expect(asCsv.stdout).toMatch(
      /^service,table,verdict,kind,key,column,source,target\r\ntrading,public\.users,mismatch,differing,"\{""name"":""u5"",.*\}",email,,""\n$/,
    );
    expect((await offtake(["reconcile", "trading", "nowhere", "--config", pipeline.file])).stderr).toContain("trading has no table public.nowhere");
  });

  test("while rows come, change and go all the time calls none of it a mismatch, and finds one that is", async () => {
    await using pipeline = await createPipeline(source, { tables });
    await pipeline.target.query(target);
    await using units = new AsyncDisposableStack();
    units.use(await streaming(pipeline));
    await pipeline.source.query("INSERT INTO trades SELECT i, 0, '' FROM generate_series(1, 3000) i");
    await waitFor(async () => (await pipeline.target.query("SELECT FROM trades WHERE id = 3000")).rowCount === 1, { what: "the rows at the target" });
    await pipeline.target.query(
      "UPDATE trades SET note = 'wrong' WHERE id = 2000; DELETE FROM trades WHERE id = 2500; INSERT INTO trades (id) VALUES (9000)",
    );
    await using load = loaded(async (i) => {
      const { source: monolith } = pipeline;
      await monolith.query(`UPDATE trades SET price = price + 1 WHERE id IN (1 + ${i} % 40, 50, 51, 1000 + ${i} % 700)`);
      await monolith.query(`DELETE FROM trades WHERE id = ${10_000 + (i % 7)}; INSERT INTO trades (id, price) VALUES (${10_000 + (i % 7)}, ${i})`);
      await monolith.query(`BEGIN; DELETE FROM trades WHERE id = 60; INSERT INTO trades (id, price) VALUES (60, 1); COMMIT`);
      if (i % 20 === 0) await monolith.query("DELETE FROM trades WHERE id >= 10000");
      if (i % 20 === 10) await monolith.query("TRUNCATE moods");
      if (i % 20 === 15) await monolith.query("INSERT INTO moods SELECT 'ok', i FROM generate_series(1, 50) i");
    });
    for (const level of ["detailed", "strict"] as const) {
      const [moods, trades] = await pass(pipeline, { level });
      expect(trades).toMatchObject({ verdict: "mismatch", missing: [{ key: { id: "2500" } }], extra: [{ key: { id: "9000" } }] });
      expect(trades!.differing).toMatchObject([{ key: { id: "2000" }, columns: [{ name: "note", source: "", target: "wrong" }] }]);
      expect([moods!.missing, moods!.extra, moods!.differing]).toEqual([[], [], []]);
    }
    expect(load.turns()).toBeGreaterThan(0);
  });

  test("of a target that does not move is incomplete, and so is one of a table that is not copied", async () => {
    await using pipeline = await createPipeline(`${source}; INSERT INTO moods VALUES ('ok', 1)`, { tables });
    await pipeline.target.query(target);
    await pipeline.up({ createTables: false });
    const [moods, trades] = await pass(pipeline, { stallMs: 500, tables: ["public.moods", "public.trades"] });
    expect(moods).toMatchObject({ verdict: "incomplete", reason: expect.stringContaining("it has to be copied"), missing: [] });
    expect(trades).toMatchObject({ verdict: "incomplete", reason: expect.stringContaining("has applied nothing"), missing: [] });
  });
});
