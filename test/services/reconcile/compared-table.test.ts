import { describe, expect, test } from "vitest";
import { comparedTable } from "../../../services/reconcile/compared-table.ts";
import { rangeCondition } from "../../../services/reconcile/key-range.ts";
import type { CatalogColumn, CatalogTable } from "../../../services/reconcile/side-catalog.ts";

const name = { schema: "public", table: "trades" };
const plain = { ...name, columns: new Map<string, string>(), exclude: new Set<string>(), differs: false };

function column(named: string, type = "int8", collation: string | null = null): CatalogColumn {
  return { name: named, type: `pg_catalog.${type}`, cast: type, operators: "pg_catalog", collation, published: true };
}

function table(columns: readonly CatalogColumn[], key = ["id"]): CatalogTable {
  return { oid: 7, partitioned: false, columns, key };
}

describe("a table of both sides", () => {
  test("is compared by the contract's columns, in the source's order, under the target's names", () => {
    const source = table([column("a"), column("id"), column("secret"), { ...column("computed"), published: false }], ["id"]);
    const target = table([column("own"), column("key"), column("a")], []);
    const mapping = { ...plain, table: "deals", columns: new Map([["id", "key"]]), exclude: new Set(["secret"]), differs: true };
    expect(comparedTable(name, source, target, mapping)).toMatchObject({
      columns: ["a", "id"],
      key: [1],
      source: { from: 'ONLY "public"."trades"', columns: ['"a"', '"id"'], key: [{ name: '"id"' }] },
      target: { from: 'ONLY "public"."deals"', columns: ['"a"', '"key"'], key: [{ name: '"key"' }] },
      ordered: true,
    });
  });

  test.each([
    ["a key that there is not", table([column("id")], []), plain, "RECONCILE_TABLE_UNSUITABLE"],
    ["a key that is left out", table([column("id")]), { ...plain, exclude: new Set(["id"]) }, "RECONCILE_TABLE_UNSUITABLE"],
    ["a column that the target lacks", table([column("id"), column("b")]), plain, "TARGET_COLUMN_MISSING"],
  ])("%s is refused", (_what, source, mapping, code) => {
    expect(() => comparedTable(name, source, table([column("id")]), mapping)).toThrow(expect.objectContaining({ code }));
  });
});

const redact = (columns: string[], named: string[] = []) => ({ columns: new Set(columns), named });

describe("columns that nobody may see", () => {
  const two = table([column("id"), column("card")]);

  test("are those that are named for the table, by the source's names, whatever else is named for others", () => {
    expect(comparedTable(name, two, two, plain, redact(["card", "of another table"], ["card"])).redacted).toEqual([false, true]);
  });

  test.each([
    ["a name with a slip in it, which would redact nothing", redact(["crad"], ["crad"]), "has no column crad"],
    ["a column of the key, by which rows are named", redact(["id"], ["id"]), "has the column id in its key"],
  ])("%s is refused", (_what, columns, message) => {
    expect(() => comparedTable(name, two, two, plain, columns)).toThrow(
      expect.objectContaining({ code: "RECONCILE_TABLE_UNSUITABLE", message: expect.stringContaining(message) }),
    );
  });
});

test("by their values, columns are compared by their text where equal values are not what one type becomes of the other", () => {
  const kinds = [
    ["int4", "int8"],
    ["float8", "float8"],
    ["float4", "float8"],
    ["json", "json"],
  ] as const;
  const of = (side: 0 | 1) => table([column("id"), ...kinds.map((kind, i) => column(`c${i}`, kind[side]))]);
  const { source, target } = comparedTable(name, of(0), of(1), plain, redact([]), "value");
  const printed = [source, target].map(({ hashed }) => hashed.slice(1).map((each) => each.includes("::text")));
  expect(printed).toEqual([
    [false, false, true, true],
    [false, false, true, true],
  ]);
});

describe("both servers sort a key alike", () => {
  test.each([
    ["numbers of any kind", column("id", "int4"), column("id", "numeric"), true],
    ["a uuid", column("id", "uuid"), column("id", "uuid"), true],
    ["a time beside one with a zone", column("id", "timestamp"), column("id", "timestamptz"), false],
    ["texts by bytes", column("id", "text", "C"), column("id", "varchar", "C"), true],
    ["texts by one collation in one version", column("id", "text", "c de_DE.utf8 2.36 true"), column("id", "text", "c de_DE.utf8 2.36 true"), true],
    ["in another version", column("id", "text", "c de_DE.utf8 2.36 true"), column("id", "text", "c de_DE.utf8 2.41 true"), false],
    ["in one that nobody can tell", column("id", "text", "c de_DE of this server true"), column("id", "text", "c de_DE of this server true"), false],
    ["by a collation for which different texts are equal", column("id", "text", "i und 153 false"), column("id", "text", "i und 153 false"), false],
    ["an enum, which is sorted as it was made", column("id", "mood"), column("id", "mood"), false],
  ])("%s", (_what, source, target, expected) => {
    expect(comparedTable(name, table([source]), table([target]), plain).ordered).toBe(expected);
  });
});

test("ranges meet, and the first and the last are open", () => {
  const compared = comparedTable(name, table([column("id"), column('a"b')], ["id", 'a"b']), table([column("id"), column('a"b')]), plain);
  const conditions = [
    { after: undefined, upTo: ["1", "it's"] },
    { after: ["1", "it's"], upTo: undefined },
    { after: undefined, upTo: undefined },
    { after: ["1", "a"], upTo: ["2", "b"] },
  ].map((range) => rangeCondition(compared.source, range));
  expect(conditions).toEqual([
    ` WHERE ("id", "a""b") OPERATOR("pg_catalog".<=) ('1'::int8, 'it''s'::int8)`,
    ` WHERE ("id", "a""b") OPERATOR("pg_catalog".>) ('1'::int8, 'it''s'::int8)`,
    "",
    ` WHERE ("id", "a""b") OPERATOR("pg_catalog".>) ('1'::int8, 'a'::int8) AND ("id", "a""b") OPERATOR("pg_catalog".<=) ('2'::int8, 'b'::int8)`,
  ]);
});
