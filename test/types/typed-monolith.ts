/**
 * A monolith with a column of every type of its server, and a load of generated transactions: rows that come, change and go in a table with a key, in one without, found by all of
 * its columns, and in tables whose key is of every type that has an order. The same seed gives the same statements.
 */
import { escapeLiteral, type Client } from "pg";
import fc from "fast-check";
import type { PostgresMajor } from "../../infra/local/postgres-versions.ts";
import { tableOf } from "../support/changed-table.ts";
import { typesSql } from "../tables/random-types.ts";
import { arbitraryOf } from "./type-arbitraries.ts";
import { type CatalogType, readTypes } from "./type-catalog.ts";
import { valuesOf, withoutInput } from "./type-values.ts";

/** Those of PostgreSQL's own collection that have types: what the local server carries. */
export const typeExtensions = [
  "btree_gist",
  "citext",
  "cube",
  "earthdistance",
  "hstore",
  "intarray",
  "isn",
  "lo",
  "ltree",
  "pg_trgm",
  "seg",
] as const;

/** Run at both sides, before anything else. */
export const extensionsSql = typeExtensions.map((name) => `CREATE EXTENSION ${name} CASCADE`).join("; ");

/** A key of more columns is too long for an index. */
const keyColumns = 24;
const longestKey = 60;

export interface TypedTable {
  readonly name: string;
  /** c0 is that of the first. */
  readonly types: readonly CatalogType[];
  /** An id of its own, no key, or a key of all columns. */
  readonly key: "id" | "none" | "all";
}

export interface TypedMonolith {
  readonly types: readonly CatalogType[];
  readonly tables: readonly TypedTable[];
  /** Of the two servers. */
  readonly oldest: PostgresMajor;
}

/** Creates types and tables at an empty database that has the extensions. */
export async function createTypedMonolith(source: Client, oldest: PostgresMajor): Promise<TypedMonolith> {
  await source.query(typesSql);
  const types = (await readTypes(source)).filter(({ name, element }) => !withoutInput.includes(element?.name ?? name));
  const missing = types.filter(({ name, element }) => element === null && valuesOf(name, oldest).length === 0).map(({ name }) => name);
  if (missing.length > 0) throw new Error(`the server has types that no test has a value for: ${missing.join(", ")}`);
  const ordered = types.filter((type) => type.ordered);
  const tables: TypedTable[] = [
    { name: "every_type", types, key: "id" },
    { name: "every_type_keyless", types, key: "none" },
    ...Array.from({ length: Math.ceil(ordered.length / keyColumns) }, (_, i) => ({
      name: `every_key_${i}`,
      types: ordered.slice(i * keyColumns, (i + 1) * keyColumns),
      key: "all" as const,
    })),
  ];
  for (const table of tables) await source.query(tableSql(table));
  await source.query(largeSql);
  return { types, tables, oldest };
}

function tableSql({ name, types, key }: TypedTable): string {
  const columns = types.map(({ sql }, i) => `c${i} ${sql}`);
  const keys = types.map((_, i) => `c${i}`).join(", ");
  if (key === "all") return `CREATE TABLE ${name} (${columns.join(", ")}, n int4, PRIMARY KEY (${keys}))`;
  if (key === "id") return `CREATE TABLE ${name} (id int4 PRIMARY KEY, ${columns.join(", ")})`;
  return `CREATE TABLE ${name} (${columns.join(", ")}); ALTER TABLE ${name} REPLICA IDENTITY FULL`;
}

/** Of values that lie outside of their row, of two megabytes each. */
const largeSql = `
  CREATE TABLE large (id int4 PRIMARY KEY, n int4, t text, b bytea, j jsonb, x xml, a text[], h hstore);
  ALTER TABLE large ALTER t SET STORAGE EXTERNAL`;

const hex = "(SELECT string_agg(md5((i + $1)::text), '') FROM generate_series(1, 65536) i)";

/** @returns statements, one transaction each; their parameter makes other values */
export const largeLoad: readonly string[] = [
  `INSERT INTO large SELECT $1, 1, h, decode(h, 'hex') || decode(h, 'hex'), to_jsonb(h), xmlelement(name a, h), ARRAY[h, NULL, '"'], hstore('k', h) FROM ${hex} AS v(h)`,
  "UPDATE large SET n = 2 WHERE id = $1",
  `UPDATE large SET t = v.h FROM ${hex.replace("$1", "$1 + 7")} AS v(h) WHERE id = $1`,
  "UPDATE large SET id = id + 100 WHERE id = $1",
];

/** Each with what orders its rows. */
export function tablesOf({ tables }: TypedMonolith): Record<string, string> {
  return { ...Object.fromEntries(tables.map(({ name, key }) => [name, key === "id" ? "id" : "1"])), large: "id" };
}

/** Statements that insert one row for each value that is written down, and for as many arrays of each type. */
export function everyValue({ types, oldest }: TypedMonolith, table: TypedTable, seed: number, firstId = 0): string[] {
  const values = types.map((type) =>
    type.element === null ? valuesOf(type.name, oldest) : fc.sample(arbitraryOf(type, oldest, false), { seed, numRuns: 5 }),
  );
  const rows = Math.max(...values.map(({ length }) => length));
  return Array.from({ length: rows }, (_, row) => {
    const given = values.flatMap((all, i) => (all[row] === undefined ? [] : [[i, all[row]] as const]));
    return insertSql(table, firstId + row, given);
  });
}

type Given = readonly (readonly [column: number, value: string | null])[];

function insertSql({ name, types, key }: TypedTable, id: number, given: Given): string {
  const names = [...(key === "id" ? ["id"] : []), ...given.map(([i]) => `c${i}`)];
  const values = [...(key === "id" ? [String(id)] : []), ...given.map(([i, value]) => literal(value, types[i]!))];
  return `INSERT INTO ${name} (${names.join(", ")}) VALUES (${values.join(", ")})`;
}

function literal(value: string | null, { sql }: CatalogType): string {
  return value === null ? "NULL" : `${escapeLiteral(value)}::${sql}`;
}

/** Transactions, each of statements. */
export function transactionsOf(tables: readonly TypedTable[], oldest: PostgresMajor, seed: number, count: number): string[][] {
  const write = fc.oneof(...tables.map((table) => ({ weight: table.key === "all" ? 1 : tables.length, arbitrary: writeOf(table, oldest) })));
  return fc.sample(fc.array(write, { minLength: 1, maxLength: 5 }), { seed, numRuns: count });
}

function writeOf(table: TypedTable, oldest: PostgresMajor): fc.Arbitrary<string> {
  const { name, types, key } = table;
  const id = fc.integer({ min: 1, max: 12 });
  const anyRow = id.map(
    (at) =>
      `(tableoid, ctid) = (SELECT tableoid, ctid FROM ${name} ORDER BY ctid OFFSET ${at} % greatest((SELECT count(*) FROM ${name}), 1) LIMIT 1)`,
  );
  const values = types.map((type) => arbitraryOf(type, oldest));
  if (key === "all") {
    const whole = fc.tuple(...values.map((value, i) => value.filter(({ length }) => length <= longestKey).map((each) => [i, each] as const)));
    return fc.oneof(
      { weight: 3, arbitrary: whole.map((given) => `${insertSql(table, 0, given)} ON CONFLICT DO NOTHING`) },
      anyRow.map((row) => `UPDATE ${name} SET n = coalesce(n, 0) + 1 WHERE ${row}`),
      fc.tuple(anyRow, whole).map(([row, given]) => `UPDATE ${name} SET ${assignments(types, given)} WHERE ${row}`),
      anyRow.map((row) => `DELETE FROM ${name} WHERE ${row}`),
    );
  }
  const some = fc
    .uniqueArray(fc.nat({ max: types.length - 1 }), { minLength: 1, maxLength: 25 })
    .chain((chosen) => fc.tuple(...chosen.map((i) => fc.option(values[i]!, { freq: 6 }).map((value) => [i, value] as const))));
  const writes = [
    {
      weight: 4,
      arbitrary: fc.tuple(id, some).map(([at, given]) => `${insertSql(table, at, given)}${key === "id" ? " ON CONFLICT DO NOTHING" : ""}`),
    },
    { weight: 4, arbitrary: fc.tuple(anyRow, some).map(([row, given]) => `UPDATE ${name} SET ${assignments(types, given)} WHERE ${row}`) },
    { weight: 1, arbitrary: anyRow.map((row) => `DELETE FROM ${name} WHERE ${row}`) },
  ];
  const own =
    key === "id"
      ? anyRow.map((row) => `UPDATE ${name} SET id = id + 20 WHERE id < 900 AND ${row}`)
      : anyRow.map((row) => `INSERT INTO ${name} SELECT * FROM ${name} WHERE ${row}`);
  return fc.oneof(...writes, { weight: 1, arbitrary: own });
}

function assignments(types: readonly CatalogType[], given: Given): string {
  return given.map(([i, value]) => `c${i} = ${literal(value, types[i]!)}`).join(", ");
}

export interface Ran {
  /** Why the monolith has refused some of the statements, for a value or a key; they are left out. */
  readonly refused: readonly string[];
  /** The table of each statement that has changed rows. */
  readonly changed: readonly string[];
}

/** Runs one transaction. */
export async function run(source: Client, statements: readonly string[]): Promise<Ran> {
  const refused: string[] = [];
  const changed: string[] = [];
  await source.query("BEGIN");
  for (const sql of statements) {
    await source.query("SAVEPOINT statement");
    try {
      if (((await source.query(sql)).rowCount ?? 0) > 0) changed.push(tableOf(sql));
    } catch (error) {
      // 22: out of a type's range. 23: a key. 54000: a row or a key that is too long.
      if (!(error instanceof Error && "code" in error && /^(22|23|54000)/.test(String(error.code)))) throw new Error(sql, { cause: error });
      refused.push(`${error.message}: ${sql.slice(0, 200)}`);
      await source.query("ROLLBACK TO SAVEPOINT statement");
    }
  }
  await source.query("COMMIT");
  return { refused, changed };
}
