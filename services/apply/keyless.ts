/**
 * Changes of a table without a key, one row each: the row is found by all of its columns, and of equal rows any one is taken, since they cannot be told
 * apart. Values are compared as text, byte for byte, which every type has and which is what must be equal: json and point have no equality at all,
 * citext and a collation that ignores case have one that takes another row.
 *
 * Source: PostgreSQL documentation, "REPLICA IDENTITY FULL"; "System Columns", ctid, tableoid.
 */
import { type Statement, statement } from "./statements.ts";
import type { TargetColumn, TargetTable } from "./target-table.ts";

export function keylessDeleteStatement(table: TargetTable): Statement {
  const sql = `${oneRow(table, 0)} DELETE FROM ${table.own} AS t USING one WHERE ${isOne}`;
  return statement("delete", table, sql, parametersOf(table.columns, "row"));
}

/** Touches nothing where the row's number of a column that is GENERATED ALWAYS AS IDENTITY is another one afterwards: no UPDATE may set it. */
export function keylessUpdateStatement(table: TargetTable): Statement {
  const set = table.columns.flatMap((column, i) => (column.identityAlways ? [] : [`${column.name} = ${newValue(column, i)}`]));
  const same = table.columns.flatMap((column, i) => (column.identityAlways ? [`t.${column.name} ${column.equals} ${newValue(column, i)}`] : []));
  const one = oneRow(table, table.columns.length, same);
  const sql = set.length === 0 ? `${one} SELECT FROM one` : `${one} UPDATE ${table.own} AS t SET ${set.join(", ")} FROM one WHERE ${isOne}`;
  return statement("update", table, sql, [...parametersOf(table.columns, "row"), ...parametersOf(table.columns, "old")]);
}

/** The row goes and comes again, with what only the target knows of it. */
export function keylessReplaceStatement(table: TargetTable): Statement {
  const names = [...table.columns.map((column) => column.name), ...table.extra];
  const values = [...table.columns.map(newValue), ...table.extra.map((_, i) => `gone.k$${i}`)];
  const kept = ["1", ...table.extra.map((name, i) => `t.${name} AS k$${i}`)];
  const sql = `${oneRow(table, table.columns.length)}, gone AS (DELETE FROM ${table.own} AS t USING one WHERE ${isOne} RETURNING ${kept.join(", ")})
    INSERT INTO ${table.name} (${names.join(", ")}) OVERRIDING SYSTEM VALUE SELECT ${values.join(", ")} FROM gone`;
  return statement("replace", table, sql, [...parametersOf(table.columns, "row"), ...parametersOf(table.columns, "old")]);
}

function newValue(column: TargetColumn, i: number): string {
  return `($${i + 1}::${column.parameter.sql})[1]${column.cast}`;
}

// Each partition has rows of its own at the same ctid.
const isOne = "t.ctid = one.at AND t.tableoid = one.part";

/**
 * @param first number of parameters before those of the row that is looked for
 * @param also conditions on it
 */
function oneRow(table: TargetTable, first: number, also: readonly string[] = []): string {
  const matches = table.columns.map((column, i) => {
    const value = `($${first + i + 1}::${column.parameter.sql})[1]${column.cast}${column.stored}`;
    return `${textOf(column, `t.${column.name}`)} COLLATE "C" IS NOT DISTINCT FROM ${textOf(column, value)} COLLATE "C"`;
  });
  return `WITH one AS (SELECT t.ctid AS at, t.tableoid AS part FROM ${table.own} AS t WHERE ${[...matches, ...also].join(" AND ")} LIMIT 1)`;
}

/** As the type's own output prints it. `IS NULL` would say so of a row of NULLs, too. */
function textOf({ castsToText }: TargetColumn, value: string): string {
  return castsToText ? `(CASE num_nulls(${value}) WHEN 0 THEN concat(${value}) END)` : `${value}::text`;
}

function parametersOf(columns: readonly TargetColumn[], side: "row" | "old"): Statement["parameters"] {
  return columns.map((column) => ({ column, side, index: column.index }));
}
