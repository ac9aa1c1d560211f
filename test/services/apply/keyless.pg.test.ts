import { afterAll, describe, expect, test } from "vitest";
import { insertStatement } from "../../../services/apply/statements.ts";
import { keylessDeleteStatement, keylessReplaceStatement, keylessUpdateStatement } from "../../../services/apply/keyless.ts";
import { logOf, type Row, WrittenTable } from "./event-writer.ts";
import { targetFixture } from "./target-fixture.ts";

const target = await targetFixture();
afterAll(() => target[Symbol.asyncDispose]());

const lines = new WrittenTable("lines", { a: "int4", b: "text" });

/** Inserts the rows as the applier does. */
async function insert(table: WrittenTable, rows: readonly Row[]): Promise<void> {
  await target.run(insertStatement(await target.table(table)), logOf(rows.map((row) => table.create(row))), [...rows.keys()]);
}

async function remove(table: WrittenTable, row: Row): Promise<number> {
  return target.run(keylessDeleteStatement(await target.table(table)), logOf([table.delete(row)]), [0]);
}

async function update(table: WrittenTable, before: Row, after: Row): Promise<number> {
  return target.run(keylessUpdateStatement(await target.table(table)), logOf([table.updateFull(before, after)]), [0]);
}

describe("a table without a key", () => {
  test("of equal rows one is deleted", async () => {
    await target.reset("CREATE TABLE lines (a int4, b text)");
    const rows = [1, 1, 1, 2].map((a) => ({ a, b: "x" }));
    await insert(lines, rows);
    expect(await remove(lines, { a: 1, b: "x" })).toBe(1);
    expect(await target.texts("lines")).toEqual(["(1,x)", "(1,x)", "(2,x)"]);
    expect(await remove(lines, { a: 3, b: "x" })).toBe(0);
  });

  test("of equal rows one is updated, with the target's own columns kept", async () => {
    await target.reset("CREATE TABLE lines (a int4, own serial, b text)");
    await insert(lines, [
      { a: 1, b: "x" },
      { a: 1, b: "x" },
    ]);
    expect(await update(lines, { a: 1, b: "x" }, { a: 2, b: null })).toBe(1);
    expect((await target.texts("lines")).map((row) => row.replace(/,\d,/, ",own,")).toSorted()).toEqual(["(1,own,x)", "(2,own,)"]);
  });

  test("a column that is GENERATED ALWAYS AS IDENTITY keeps its number, or the row comes again with the new one", async () => {
    await target.reset("CREATE TABLE lines (a int4 GENERATED ALWAYS AS IDENTITY, own text DEFAULT 'ours', b text)");
    await insert(lines, [
      { a: 7, b: "x" },
      { a: 7, b: "x" },
    ]);
    await target.admin.query("UPDATE lines SET own = 'kept'");
    expect(await update(lines, { a: 7, b: "x" }, { a: 7, b: "y" })).toBe(1);
    expect(await update(lines, { a: 7, b: "y" }, { a: 9, b: "z" })).toBe(0);
    const replace = keylessReplaceStatement(await target.table(lines));
    expect(await target.run(replace, logOf([lines.updateFull({ a: 7, b: "y" }, { a: 9, b: "z" })]), [0])).toBe(1);
    expect((await target.texts("lines")).toSorted()).toEqual(["(7,kept,x)", "(9,kept,z)"]);
  });

  test("NULL is a value like any other, and not the empty text", async () => {
    await target.reset("CREATE TABLE lines (a int4, b text)");
    await insert(lines, [
      { a: null, b: "" },
      { a: null, b: null },
      { a: 0, b: null },
    ]);
    expect(await remove(lines, { a: null, b: null })).toBe(1);
    expect(await update(lines, { a: null, b: "" }, { a: 5, b: null })).toBe(1);
    expect(await target.texts("lines")).toEqual(["(0,)", "(5,)"]);
  });

  test.each([
    ["json", `{"a": 1}`, `{"a":1}`],
    ["xml", "<a/>", "<a></a>"],
    ["point", "(1,2)", "(2,1)"],
    ["float8", 0, -0],
    ["float8", Number.NaN, Infinity],
    ["numeric", "1.50", "1.5"],
    ["char(4)", "a   ", "b   "],
    ["bpchar", "a  ", "a"],
    ["bpchar", "a", "a  "],
    ["bpchar", "", null],
    ["inet", "10.0.0.1", "10.0.0.1/24"],
    ["jsonb", `{"a": 1}`, `{"a": 1.0}`],
    ["citext", "abc", "ABC"],
    ['text COLLATE "any case"', "abc", "ABC"],
    ["int4[]", "{1,NULL}", "{1}"],
    ["bytea", Buffer.from([0, 255]), Buffer.from([0])],
    ["bool", true, false],
    ["text", "x".repeat(3_000_000), `${"x".repeat(3_000_000)}y`],
    ["text", "", null],
  ])("%s: a row is the one that prints the same", async (type, one, other) => {
    await target.reset(
      `CREATE EXTENSION citext; CREATE COLLATION "any case" (provider = icu, locale = 'und-u-ks-level2', deterministic = false); CREATE TABLE t (v ${type})`,
    );
    const written = new WrittenTable("t", { v: ["float8", "bool", "bytea"].includes(type) ? type : "text" });
    await insert(written, [{ v: one }, { v: other }]);
    const before = await target.texts("t", 'v::text COLLATE "C" NULLS FIRST');
    expect(await remove(written, { v: one })).toBe(1);
    const [left] = await target.texts("t");
    expect(before).toContain(left);
    expect(await remove(written, { v: one })).toBe(0);
    expect(await update(written, { v: other }, { v: one })).toBe(1);
    expect(await remove(written, { v: one })).toBe(1);
  });

  test.each([
    ["numeric(6,2)", "numeric", "1.5"],
    ["timestamp(0)", "text", "2024-01-01 10:00:00.25"],
    ["float8", "float4", Math.fround(0.1)],
    ["int8", "int4", 7],
    ["char(6)", "text", "abc"],
    ["rounded", "text", "1.25"],
  ])("a target's %s is found by what a source's %s became in it", async (type, from, value) => {
    await target.reset(`CREATE DOMAIN rounded AS numeric(6,1); CREATE TABLE t (v ${type})`);
    const written = new WrittenTable("t", { v: from });
    await insert(written, [{ v: value }]);
    expect(await update(written, { v: value }, { v: value })).toBe(1);
    expect(await remove(written, { v: value })).toBe(1);
  });

  test("one row of a partitioned table is one, though other partitions have rows at the same place", async () => {
    await target.reset(
      "CREATE TABLE lines (a int4, b text) PARTITION BY LIST (a); CREATE TABLE one PARTITION OF lines FOR VALUES IN (1); CREATE TABLE two PARTITION OF lines FOR VALUES IN (2)",
    );
    await insert(lines, [
      { a: 1, b: "x" },
      { a: 2, b: "x" },
    ]);
    expect(await update(lines, { a: 1, b: "x" }, { a: 1, b: "y" })).toBe(1);
    expect(await update(lines, { a: 1, b: "y" }, { a: 2, b: "y" })).toBe(1);
    expect(await remove(lines, { a: 2, b: "x" })).toBe(1);
    expect(await target.texts("lines")).toEqual(["(2,y)"]);
  });

  test.each(["t", "one", "at", "part"])("a table and a column that are called %s, too", async (name) => {
    await target.reset(`CREATE TABLE "${name}" ("${name}" int4, own text)`);
    const written = new WrittenTable(name, { [name]: "int4" });
    await insert(written, [{ [name]: 1 }, { [name]: 1 }]);
    expect(await update(written, { [name]: 1 }, { [name]: 2 })).toBe(1);
    expect(await remove(written, { [name]: 1 })).toBe(1);
    expect(await target.texts(`"${name}"`)).toEqual(["(2,)"]);
  });

  test("generated columns are left to the server and not looked at", async () => {
    await target.reset("CREATE TABLE lines (a int4, b text, c int4 GENERATED ALWAYS AS (a + 1) STORED)");
    const written = new WrittenTable("lines", { a: "int4", b: "text", c: "int4" });
    await insert(written, [{ a: 1, b: "x", c: 99 }]);
    expect(await update(written, { a: 1, b: "x", c: 99 }, { a: 2, b: "y", c: 99 })).toBe(1);
    expect(await target.texts("lines")).toEqual(["(2,y,3)"]);
    expect(await remove(written, { a: 2, b: "y", c: 0 })).toBe(1);
  });
});
