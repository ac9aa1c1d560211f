import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { endSession } from "../../../connectors/postgres/session.ts";
import { ByteArena } from "../../../services/apply/byte-arena.ts";
import { copyRows, copyStatement } from "../../../services/apply/copy-rows.ts";
import { merge } from "../../../services/apply/merge.ts";
import { RowSet } from "../../../services/apply/row-set.ts";
import { runGroup } from "../../../services/apply/statement-group.ts";
import { insertStatement } from "../../../services/apply/statements.ts";
import { openTargetSession } from "../../../services/apply/target-session.ts";
import { readTargetTable } from "../../../services/apply/target-table.ts";
import { mappingOf } from "../../../services/runtime/table-mapping.ts";
import { randomTypes, typesSql } from "../../tables/random-types.ts";
import { logOf, WrittenTable } from "./event-writer.ts";
import { serviceOf, targetFixture } from "./target-fixture.ts";

const target = await targetFixture();
afterAll(() => target[Symbol.asyncDispose]());

const shape = { id: "int4*", b: "bool", i: "int2", l: "int8", r: "float4", d: "float8", y: "bytea", t: "text" } as const;
const copied = new WrittenTable("copied", shape);
const inserted = new WrittenTable("inserted", shape);
const columns = "id int4 PRIMARY KEY, b bool, i int2, l int8, r float4, d float8, y bytea, t text";

beforeEach(() => target.reset(`CREATE TABLE copied (${columns}); CREATE TABLE inserted (${columns})`));

/** @returns how many rows the server says it has taken */
async function copy(table: WrittenTable, rows: readonly Record<string, unknown>[], arena = new ByteArena()): Promise<number> {
  const log = logOf(rows.map((row) => table.create(row)));
  const read = await target.table(table);
  expect(read.copied).toBe(true);
  const { sql, name } = copyStatement(read);
  const data = copyRows(log, RowSet.of([...rows.keys()]), read.columns, arena);
  const { counts, error } = await runGroup(target.session.client, [{ sql, name, values: [], text: false, copy: data }]);
  if (error !== undefined) throw error;
  return counts[0]!;
}

const texts = fc
  .oneof(
    fc.constantFrom("", "\\N", "\\.", "\\", "\\\\", "\t", "\n", "\r", "\r\n", "\\n", "a\tb\\c\nd\re", "\u{1}\b\f\v", "ä", "𝕏\\", "\\x41"),
    fc.string({ unit: fc.constantFrom("\\", "\t", "\n", "\r", "N", ".", "x", "0", " ", '"', "'", ",", "é") }),
    fc.string(),
  )
  .filter((text) => !text.includes("\0"));

const integers = [0, 1, -1, 9, 10, -10, 99, 100, 999_999, 1_000_000];
const longs = [0n, -1n, 10n ** 15n, 2n ** 52n - 1n, 2n ** 52n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const doubles = [0, -0, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, Number.NaN, Infinity, -Infinity, 0.1];

const row = fc.record({
  b: fc.option(fc.boolean()),
  i: fc.option(fc.oneof(fc.constantFrom(...integers.filter((i) => i < 32_768)), fc.integer({ min: -32_768, max: 32_767 }))),
  l: fc.option(fc.oneof(fc.constantFrom(...longs), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))),
  r: fc.option(fc.float()),
  d: fc.option(fc.oneof(fc.constantFrom(...doubles), fc.double())),
  y: fc.option(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))),
  t: fc.option(texts),
});

describe("rows that are copied", () => {
  test("are what the same rows are when they are inserted", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 60 }), async (cells) => {
        await target.admin.query("TRUNCATE copied, inserted");
        const rows = cells.map((cell, i) => ({ id: integers[i] ?? 1_000_000 + i, ...cell }));
        expect(await copy(copied, rows)).toBe(rows.length);
        const log = logOf(rows.map((each) => inserted.create(each)));
        await target.run(insertStatement(await target.table(inserted)), log, [...rows.keys()]);
        expect(await target.texts("copied", "id")).toEqual(await target.texts("inserted", "id"));
      }),
      { numRuns: 60 },
    );
  });

  test("keep every byte that a text can have", async () => {
    const all = Array.from({ length: 127 }, (_, i) => String.fromCharCode(i + 1));
    await copy(
      copied,
      [...all, ...all.map((c) => `\\${c}`), all.join("")].map((t, id) => ({ id, t, y: Buffer.from(t) })),
    );
    const { rows } = await target.admin.query<{ t: string }>("SELECT t FROM copied ORDER BY id");
    expect(rows.map(({ t }) => t)).toEqual([...all, ...all.map((c) => `\\${c}`), all.join("")]);
    expect((await target.admin.query("SELECT FROM copied WHERE convert_to(t, 'UTF8') <> y")).rowCount).toBe(0);
  });

  test("have in every type that travels as text what the source prints of it", async () => {
    const types = randomTypes.filter(({ sql }) => new WrittenTable("t", { v: sql }).plan.columns[0]!.form === "string");
    const columnsOf = types.map(({ sql }, i) => `t${i} ${sql}`).join(", ");
    await target.reset(`${typesSql} CREATE TABLE printed (id int4 PRIMARY KEY, ${columnsOf}); CREATE TABLE copied (LIKE printed INCLUDING ALL)`);
    const { client } = target.session;
    const rows = Math.max(...types.map(({ values }) => values.length));
    for (let id = 0; id < rows; id += 1) {
      const values = types.map(({ values: all, sql }) => `'${all[id % all.length]!.replaceAll("'", "''")}'::${sql}`);
      await client.query(`INSERT INTO printed VALUES (${id}, ${values.join(", ")})`);
    }
    const shown = types.map((_, i) => `t${i}::text`).join(", ");
    const printed = await client.query<Record<string, unknown>>(`SELECT id, ${shown} FROM printed ORDER BY id`);
    const table = new WrittenTable("copied", { id: "int4*", ...Object.fromEntries(types.map(({ sql }, i) => [`t${i}`, sql])) });
    expect(await copy(table, printed.rows)).toBe(rows);
    expect((await client.query(`SELECT id, ${shown} FROM copied ORDER BY id`)).rows).toEqual(printed.rows);
  });

  test("come in pieces where they need more than one chunk of memory, the largest alone in its own", async () => {
    const lengths = [10, 700_000, 10, 400_000, 3_000_000, 10, 10];
    const rows = lengths.map((length, id) => ({ id, t: "\t".repeat(length) }));
    const arena = new ByteArena();
    for (let round = 0; round < 2; round += 1) {
      await target.admin.query("TRUNCATE copied");
      arena.reset();
      expect(await copy(copied, rows, arena)).toBe(rows.length);
      const { rows: found } = await target.admin.query<{ n: number }>(
        "SELECT length(t) AS n FROM copied WHERE t = repeat(chr(9), length(t)) ORDER BY id",
      );
      expect(found.map(({ n }) => n)).toEqual(lengths);
    }
  });

  test("of which an update left out what it did not change have it from the row before", async () => {
    const log = logOf([copied.create({ id: 1, t: "kept\t", l: 1n }), copied.update({ id: 1, l: 2n, t: null }, ["t"])]);
    const { inserts } = merge(log, [0, 1])!;
    const read = await target.table(copied);
    const { sql, name } = copyStatement(read);
    const data = copyRows(log, inserts, read.columns, new ByteArena());
    expect(await runGroup(target.session.client, [{ sql, name, values: [], text: false, copy: data }])).toEqual({ counts: [1], error: undefined });
    expect(await target.texts("copied")).toEqual(['(1,,,2,,,,"kept\t")']);
  });

  test("write identity columns of both kinds, and leave the target's own to their defaults", async () => {
    await target.reset(
      "CREATE TABLE g (own int DEFAULT 7, id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int4 GENERATED BY DEFAULT AS IDENTITY, twice int GENERATED ALWAYS AS (n * 2) STORED)",
    );
    expect(await copy(new WrittenTable("g", { id: "int4*", n: "int4" }), [{ id: 5, n: 6 }])).toBe(1);
    expect(await target.texts("g")).toEqual(["(7,5,6,12)"]);
  });
});

describe("a table is not copied into", () => {
  test.each([
    ["that generates all the columns", "CREATE TABLE t (id int4 GENERATED ALWAYS AS (1) STORED)", { id: "int4" }],
    ["that is a view", "CREATE TABLE base (v text); CREATE VIEW t AS SELECT v FROM base", { v: "text" }],
    ["with a text where the source has a float, which JavaScript may print differently", "CREATE TABLE t (v text)", { v: "float8" }],
  ])("%s", async (_, sql, written) => {
    await target.reset(sql);
    expect((await target.table(new WrittenTable("t", { ...written }))).copied).toBe(false);
  });

  test("by a role whose rows a policy checks", async () => {
    await target.reset("CREATE TABLE t (id int4 PRIMARY KEY); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (true)");
    await target.admin.query(
      `DROP ROLE IF EXISTS copy_policy; CREATE ROLE copy_policy LOGIN PASSWORD 'plain'; GRANT ALL ON t TO copy_policy; GRANT ALL ON SCHEMA public TO copy_policy`,
    );
    const url = new URL(target.url);
    url.username = "copy_policy";
    url.password = "plain";
    const service = serviceOf(url.href);
    const { client } = await openTargetSession(service);
    try {
      const written = new WrittenTable("t", { id: "int4*" });
      expect((await readTargetTable(client, written.plan, mappingOf(service, written.plan), false)).copied).toBe(false);
      expect((await target.table(written)).copied).toBe(true);
    } finally {
      await endSession(client);
      await target.admin.query("DROP OWNED BY copy_policy; DROP ROLE copy_policy");
    }
  });
});
