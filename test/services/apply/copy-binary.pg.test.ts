import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { ByteArena } from "../../../services/apply/byte-arena.ts";
import { copyBinary, copyBinaryStatement } from "../../../services/apply/copy-binary.ts";
import { NotMergeable } from "../../../services/apply/not-mergeable.ts";
import { RowSet } from "../../../services/apply/row-set.ts";
import { runGroup } from "../../../services/apply/statement-group.ts";
import { insertStatement } from "../../../services/apply/statements.ts";
import { inBinary } from "../../../services/apply/target-table.ts";
import { logOf, WrittenTable } from "./event-writer.ts";
import { targetFixture } from "./target-fixture.ts";

const target = await targetFixture();
afterAll(() => target[Symbol.asyncDispose]());

const shape = {
  id: "int4*",
  b: "bool",
  i: "int2",
  l: "int8",
  d: "float8",
  y: "bytea",
  t: "text",
  n: "numeric",
  u: "uuid",
  z: "timestamptz",
  j: "jsonb",
};
const copied = new WrittenTable("copied", shape);
const inserted = new WrittenTable("inserted", shape);
const columns = "id int4 PRIMARY KEY, b bool, i int2, l int8, d float8, y bytea, t text, n numeric(20,4), u uuid, z timestamptz, j jsonb";

beforeEach(() => target.reset(`CREATE TABLE copied (${columns}); CREATE TABLE inserted (${columns})`));

type Row = Record<string, unknown>;

/** @returns how many rows the server says it has taken */
async function copy(table: WrittenTable, rows: readonly Row[]): Promise<number> {
  const log = logOf(rows.map((row) => table.create(row)));
  const read = inBinary(await target.table(table));
  expect(read.copiedInBinary).toBe(true);
  const { sql, name } = copyBinaryStatement(read);
  const data = copyBinary(log, RowSet.of([...rows.keys()]), read.columns, new ByteArena());
  const { counts, error } = await runGroup(target.session.client, [{ sql, name, values: [], text: false, copy: data }]);
  if (error !== undefined) throw error;
  return counts[0]!;
}

const row = fc.record({
  b: fc.option(fc.boolean()),
  i: fc.option(fc.integer({ min: -32_768, max: 32_767 })),
  l: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  d: fc.option(fc.double()),
  y: fc.option(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))),
  t: fc.option(fc.string({ unit: "binary" }).filter((text) => !text.includes("\0"))),
  n: fc.option(fc.integer().map((n) => (n / 128).toFixed(5))),
  u: fc.option(fc.uuid()),
  z: fc.option(
    fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date(253_000_000_000_000) })
      .map((d) => d.toISOString().replace("T", " ").replace("Z", "+00")),
  ),
  j: fc.option(fc.json().filter((text) => !text.includes("\\u0000"))),
});

describe("rows copied in binary", () => {
  test("are the rows that an INSERT of texts makes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
        await target.admin.query("TRUNCATE copied, inserted");
        const numbered = rows.map((each, id) => ({ id, ...each }));
        expect(await copy(copied, numbered)).toBe(rows.length);
        const log = logOf(numbered.map((each) => inserted.create(each)));
        await target.run(insertStatement(await target.table(inserted)), log, [...rows.keys()]);
        expect(await target.texts("copied")).toEqual(await target.texts("inserted"));
      }),
      { numRuns: 60 },
    );
  });

  test("may be more than one piece of the arena", async () => {
    const rows = Array.from({ length: 300 }, (_, id) => ({ id, t: String(id).repeat(3000) }));
    expect(await copy(copied, rows)).toBe(300);
    expect(await target.texts("(SELECT id FROM copied WHERE t = repeat(id::text, 3000))")).toHaveLength(300);
  });

  test("and what the target has to read itself is refused before anything is sent", async () => {
    await expect(copy(copied, [{ id: 1, n: "1e3" }])).rejects.toThrow(NotMergeable);
  });

  test("a value that its column does not take is the server's error", async () => {
    await expect(copy(copied, [{ id: 1, n: "12345678901234567.1" }])).rejects.toMatchObject({ code: "22003" });
    await expect(copy(copied, [{ id: 1, j: "{" }])).rejects.toMatchObject({ code: "22P02" });
  });
});

test.each([
  ["a type whose binary form is not written here", "v interval", { v: "interval" }],
  ["another type than the source's", "v timestamptz", { v: "timestamp" }],
  ["a text where the source has a number", "v text", { v: "int4" }],
])("a table with %s is not copied in binary", async (_, column, written) => {
  await target.reset(`CREATE TABLE t (id int4 PRIMARY KEY, ${column})`);
  const read = await target.table(new WrittenTable("t", { id: "int4*", ...written }));
  expect([read.copied, read.copiedInBinary]).toEqual([true, false]);
});
