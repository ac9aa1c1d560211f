/**
 * What comparisons of rows get wrong, by what is printed and by what is equal: each trap is a row of its own, made wrong at the target, and either told with its column or, where the two
 * are equal by the table's own rule, not told.
 */
import { describe, expect, test } from "vitest";
import { hashings } from "../../../services/reconcile/row-hash.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/wait-for.ts";
import { pass, streaming } from "./passing.ts";

const types = `
  CREATE TYPE pair AS (a int, b text);
  CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`;
const columns = `id int8, n int, other int, num numeric, r float8, note text, c char(5), doc json, docb jsonb, mood mood, moods mood[], nocase text COLLATE nocase, x xml, m money, bits bit(3), p point,
  tsv tsvector, pair pair, span interval`;
const source = `CREATE TYPE mood AS ENUM ('sad', 'ok'); ${types}; CREATE TABLE traps (${columns}, secret text, PRIMARY KEY (id))`;
// Other numbers of the enum's values, columns in another order and of other types that have the same values, one that is renamed, one that is left out, one more.
const target = `CREATE TYPE mood AS ENUM ('ok', 'x'); ALTER TYPE mood ADD VALUE 'sad' BEFORE 'ok'; ${types};
  CREATE TABLE traps (own text DEFAULT 'own', note varchar, ${columns.replace("note text, ", "").replace("n int", "number int8")}, PRIMARY KEY (id))`;

/** A statement on rows of the target, and the columns of each that then differ, by what is printed and by what is equal. */
const traps: readonly (readonly [name: string, sql: string, printed: Record<string, string>, equal: Record<string, string>])[] = [
  ["two rows that have swapped a value", "UPDATE traps SET number = 30003 - number WHERE id IN (1, 2)", { 1: "n", 2: "n" }, { 1: "n", 2: "n" }],
  ["two columns that have", "UPDATE traps SET number = other, other = number WHERE id = 3", { 3: "n,other" }, { 3: "n,other" }],
  ["NULL and an empty text", "UPDATE traps SET note = '' WHERE id = 4", { 4: "note" }, { 4: "note" }],
  ["a value that has moved to the next column", "UPDATE traps SET number = NULL, other = 5 WHERE id = 5", { 5: "n,other" }, { 5: "n,other" }],
  ["1.0 and 1.00", "UPDATE traps SET num = 1.00 WHERE id = 6", { 6: "num" }, {}],
  ["0 and -0", "UPDATE traps SET r = '-0' WHERE id = 7", { 7: "r" }, {}],
  ["NaN and NULL", "UPDATE traps SET r = NULL WHERE id = 8", { 8: "r" }, { 8: "r" }],
  ["padding, which char(n) has anyway", "UPDATE traps SET c = 'a  ' WHERE id = 9", {}, {}],
  ["blanks that are a text's own", "UPDATE traps SET note = 'n ' WHERE id = 10", { 10: "note" }, { 10: "note" }],
  ["keys of a json in another order", `UPDATE traps SET doc = '{"b": 2, "a": 1}' WHERE id = 11`, { 11: "doc" }, { 11: "doc" }],
  ["keys of a jsonb in another order", `UPDATE traps SET docb = '{"b": 2, "a": 1}' WHERE id = 12`, {}, {}],
  [
    "another value of an enum, and of an array of it",
    "UPDATE traps SET mood = 'ok', moods = '{sad}' WHERE id = 13",
    { 13: "mood,moods" },
    { 13: "mood,moods" },
  ],
  ["another case where the collation does not tell it", "UPDATE traps SET nocase = 'ABC' WHERE id = 14", { 14: "nocase" }, { 14: "nocase" }],
  [
    "types without any hash",
    "UPDATE traps SET x = '<b/>', bits = '011', p = '(1,3)', tsv = 'b' WHERE id = 15",
    { 15: "x,bits,p,tsv" },
    { 15: "x,bits,p,tsv" },
  ],
  ["money, and a row in a row", "UPDATE traps SET m = 2, pair = '(1,)' WHERE id = 16", { 16: "m,pair" }, { 16: "m,pair" }],
  ["a month and thirty days", "UPDATE traps SET span = '30 days' WHERE id = 17", { 17: "span" }, {}],
  ["a column that only the target has", "UPDATE traps SET own = 'another' WHERE id = 18", {}, {}],
];

test.each(hashings)("by %s", async (hash) => {
  const tables = { traps: { columns: { n: "number" }, exclude: ["secret"] } };
  await using pipeline = await createPipeline(source, { tables });
  await pipeline.target.query(target);
  await using units = new AsyncDisposableStack();
  units.use(await streaming(pipeline));
  await pipeline.source.query(`
    INSERT INTO traps SELECT i, 10000 + i, CASE WHEN i <> 5 THEN 20000 + i END, 1.0, CASE i WHEN 8 THEN 'NaN'::float8 ELSE 0 END, CASE WHEN i <> 4 THEN 'n' END, 'a', '{"a": 1, "b": 2}',
      '{"a": 1, "b": 2}', 'sad', '{ok}', 'abc', '<a/>', 1, '101', '(1,2)', 'a', '(1,"")', '1 month', 's' || i FROM generate_series(1, 30) i;
    UPDATE traps SET n = 5 WHERE id = 5; UPDATE traps SET n = CASE id WHEN 1 THEN 10001 ELSE 20002 END WHERE id IN (1, 2)`);
  await waitFor(async () => (await pipeline.target.query("SELECT FROM traps WHERE number = 20002")).rowCount === 1, {
    what: "the rows at the target",
  });
  expect(await pass(pipeline, { hashing: hash })).toMatchObject([{ verdict: "equal", compared: 30, reason: null }]);
  for (const [, sql] of traps) await pipeline.target.query(sql);
  const expected = Object.assign({}, ...traps.map(([, , printed, equal]) => (hash === "value" ? equal : printed)));
  for (const level of ["detailed", "strict"] as const) {
    const [report] = await pass(pipeline, { hashing: hash, level });
    expect(Object.fromEntries(report!.differing.map(({ key, columns: found }) => [key["id"], found.map(({ name }) => name).join()]))).toEqual(
      expected,
    );
    expect([report!.missing, report!.extra, report!.undecided]).toEqual([[], [], []]);
  }
});

const keyed = (order: string): string => `CREATE TYPE mood AS ENUM (${order}); CREATE TABLE moods (mood mood PRIMARY KEY, num numeric)`;

test("a key that the target's type does not take makes the pass over its table incomplete, and over no other", async () => {
  const others = "CREATE TABLE other (id int8 PRIMARY KEY)";
  await using pipeline = await createPipeline(`CREATE TABLE odd (id text PRIMARY KEY); ${others}`, {
    tables: { odd: { poison: "park" }, other: null },
  });
  await pipeline.target.query(`CREATE TABLE odd (id int8 PRIMARY KEY); ${others}`);
  await using units = new AsyncDisposableStack();
  units.use(await streaming(pipeline));
  await pipeline.source.query("INSERT INTO odd VALUES ('1'); INSERT INTO odd VALUES ('no number'); INSERT INTO other VALUES (1)");
  const reason = expect.stringContaining('invalid input syntax for type bigint: "no number"');
  expect(await pass(pipeline)).toMatchObject([
    { table: "public.odd", verdict: "incomplete", reason, missing: [] },
    { table: "public.other", verdict: "equal", compared: 1 },
  ]);
});

describe("keys that the two servers sort differently", () => {
  test.each(hashings)("are looked up by %s, too", async (hash) => {
    await using pipeline = await createPipeline(keyed("'sad', 'ok', 'so'"), { tables: { moods: null } });
    await pipeline.target.query(keyed("'so', 'ok', 'sad'"));
    await using units = new AsyncDisposableStack();
    units.use(await streaming(pipeline));
    await pipeline.source.query("INSERT INTO moods VALUES ('sad', 1.0), ('ok', 1.0), ('so', 1.0)");
    await waitFor(async () => (await pipeline.target.query("TABLE moods")).rowCount === 3, { what: "the rows at the target" });
    await pipeline.target.query("UPDATE moods SET num = 1.00 WHERE mood = 'sad'; UPDATE moods SET num = 2 WHERE mood = 'ok'");
    const [report] = await pass(pipeline, { hashing: hash });
    const wrong = new Set(report!.differing.map(({ key }) => key["mood"]));
    expect(wrong).toEqual(new Set(hash === "value" ? ["ok"] : ["ok", "sad"]));
  });
});
