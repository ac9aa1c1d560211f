/**
 * Changes of a table without a key, one row each: the row is found by all of its columns, and of equal rows any one is taken, since they cannot be told
 * apart. Values are compared as text, which every type has and which is what must be equal; json and point have no equality at all.
 *
 * Source: PostgreSQL documentation, "REPLICA IDENTITY FULL"; "System Columns", ctid.
 */
import type { Statement } from "./statements.ts";
import type { TargetColumn, TargetTable } from "./target-table.ts";

export function keylessDeleteStatement(table: TargetTable): Statement {
  const sql = `DELETE FROM ${table.name} WHERE ctid = (${oneRow(table, 0)})`;
  return { name: `offtake delete ${table.plan.schemaId}`, sql, parameters: parametersOf(table.columns, "row") };
}

export function keylessUpdateStatement(table: TargetTable): Statement {
  const set = table.columns.map((column, i) => `${column.name} = ($${i + 1}::${column.parameter.sql})[1]${column.cast}`);
  const sql = `UPDATE ${table.name} SET ${set.join(", ")} WHERE ctid = (${oneRow(table, table.columns.length)})`;
  return {
    name: `offtake update ${table.plan.schemaId}`,
    sql,
    parameters: [...parametersOf(table.columns, "row"), ...parametersOf(table.columns, "old")],
  };
}

/** @param first number of parameters before those of the row that is looked for */
function oneRow(table: TargetTable, first: number): string {
  const matches = table.columns.map(
    (column, i) => `t.${column.name}::text IS NOT DISTINCT FROM ($${first + i + 1}::${column.parameter.sql})[1]${column.cast}::text`,
  );
  return `SELECT t.ctid FROM ${table.name} AS t WHERE ${matches.join(" AND ")} LIMIT 1`;
}

function parametersOf(columns: readonly TargetColumn[], side: "row" | "old"): Statement["parameters"] {
  return columns.map((column) => ({ column, side, index: column.index }));
}
