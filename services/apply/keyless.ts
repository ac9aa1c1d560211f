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

export function keylessUpdateStatement(table: TargetTable): Statement {
  const set = table.columns.map((column, i) => `${column.name} = ($${i + 1}::${column.parameter.sql})[1]${column.cast}`);
  const sql = `${oneRow(table, table.columns.length)} UPDATE ${table.own} AS t SET ${set.join(", ")} FROM one WHERE ${isOne}`;
  return statement("update", table, sql, [...parametersOf(table.columns, "row"), ...parametersOf(table.columns, "old")]);
}

// Each partition has rows of its own at the same ctid.
const isOne = "t.ctid = one.at AND t.tableoid = one.part";

/** @param first number of parameters before those of the row that is looked for */
function oneRow(table: TargetTable, first: number): string {
  const matches = table.columns.map((column, i) => {
    const value = `($${first + i + 1}::${column.parameter.sql})[1]${column.cast}${column.stored}`;
    return `${textOf(column, `t.${column.name}`)} COLLATE "C" IS NOT DISTINCT FROM ${textOf(column, value)} COLLATE "C"`;
  });
  return `WITH one AS (SELECT t.ctid AS at, t.tableoid AS part FROM ${table.own} AS t WHERE ${matches.join(" AND ")} LIMIT 1)`;
}

/** As the type's own output prints it. `IS NULL` would say so of a row of NULLs, too. */
function textOf({ castsToText }: TargetColumn, value: string): string {
  return castsToText ? `(CASE num_nulls(${value}) WHEN 0 THEN concat(${value}) END)` : `${value}::text`;
}

function parametersOf(columns: readonly TargetColumn[], side: "row" | "old"): Statement["parameters"] {
  return columns.map((column) => ({ column, side, index: column.index }));
}
