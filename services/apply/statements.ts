/**
 * The statements that write a table, each for any number of rows: one parameter per column, an array of its values.
 *
 * Costs at the target, PostgreSQL 18.4, ten mixed columns, batches of 5000: INSERT 10.2 us a row, UPDATE 16, DELETE 4.2, with ON CONFLICT 13 to 16. New rows
 * in number go by COPY (copy-rows.ts), for 7.5.
 *
 * Source: PostgreSQL documentation, "INSERT", "UPDATE", "DELETE", unnest.
 */
import { hash } from "node:crypto";
import type { TargetColumn, TargetTable } from "./target-table.ts";

export interface Statement {
  /**
   * The same text with the same types has the same name, so that the server parses and plans it once, and another has another: a table may be altered at the
   * target. At most 63 bytes: the server would cut it there, unasked.
   */
  readonly name: string;
  readonly sql: string;
  /** The WITH queries that it begins with; empty for none. */
  readonly leading: string;
  /** Its parameters, in order: a column of the row, or of the row before. */
  readonly parameters: readonly { readonly column: TargetColumn; readonly side: "row" | "old"; readonly index: number }[];
}

/** Fails with a unique violation where a row is there already. */
export function insertStatement(table: TargetTable): Statement {
  return statement("insert", table, insertSql(table), rowParameters(table));
}

/** Writes over a row that is there already; each row says in `existed` whether it was. */
export function upsertStatement(table: TargetTable): Statement {
  // A row version that this statement inserted has no xmax; one that it updated was locked first.
  return statement("upsert", table, `${upsertSql(table)} RETURNING t.xmax <> 0 AS existed`, rowParameters(table));
}

/** As upsertStatement(), and says nothing of it. */
export function putStatement(table: TargetTable): Statement {
  return statement("put", table, upsertSql(table), rowParameters(table));
}

function upsertSql(table: TargetTable): string {
  const keys = table.columns.filter((column) => column.key);
  // The key, too: equal is not the same (1.0 and 1.00; citext).
  const written = table.columns.filter((column) => !column.identityAlways);
  const set = written.map((column) => `${column.name} = excluded.${column.name}`).join(", ");
  const conflict = `ON CONFLICT (${keys.map((column) => column.name).join(", ")}) DO ${set === "" ? "NOTHING" : `UPDATE SET ${set}`}`;
  return `${insertSql(table)} ${conflict}`;
}

function insertSql(table: TargetTable): string {
  const names = table.columns.map((column) => column.name).join(", ");
  const values = table.columns.map((column, i) => `v.o$${i}${column.cast}`).join(", ");
  const { unnest, alias } = unnested(table.columns.map((column) => column.parameter.sql));
  // Named, or a table that is called excluded could not be told from the row that was refused.
  return `INSERT INTO ${table.name} AS t (${names}) OVERRIDING SYSTEM VALUE SELECT ${values} FROM ${unnest} AS ${alias}`;
}

/**
 * Touches exactly the rows whose key is there.
 *
 * @param known for each column of the plan whether the rows have a value for it
 */
export function updateStatement(table: TargetTable, known: readonly boolean[]): Statement {
  const columns = table.columns.filter((column) => column.key || known[column.index]);
  const set = columns.filter((column) => !column.key && !column.identityAlways);
  const where = columns.filter((column) => column.key || column.identityAlways);
  const value = (column: TargetColumn): string => `v.o$${columns.indexOf(column)}${column.cast}`;
  const { unnest, alias } = unnested(columns.map((column) => column.parameter.sql));
  const matches = where.map((column) => `t.${column.name} ${column.equals} ${value(column)}`).join(" AND ");
  // A table of nothing but its key has nothing to set; the statement still has to say whether the rows are there.
  const assignments = set.length === 0 ? where.filter((column) => !column.identityAlways).slice(0, 1) : set;
  const sql =
    assignments.length === 0
      ? `SELECT FROM ${table.own} AS t, ${unnest} AS ${alias} WHERE ${matches} FOR NO KEY UPDATE OF t`
      : `UPDATE ${table.own} AS t SET ${assignments.map((column) => `${column.name} = ${value(column)}`).join(", ")} FROM ${unnest} AS ${alias} WHERE ${matches}`;
  return statement(
    "update",
    table,
    sql,
    columns.map((column) => ({ column, side: "row", index: column.index })),
  );
}

/**
 * An update that sets the key too: finds the row by its old key.
 *
 * @param oldSide where the old key is: in the row itself for a row that keeps its key
 */
export function moveStatement(table: TargetTable, known: readonly boolean[], oldSide: "row" | "old" = "old"): Statement {
  const columns = table.columns.filter((column) => column.key || known[column.index]);
  const keys = columns.filter((column) => column.key);
  const { unnest, alias } = unnested([...columns, ...keys].map((column) => column.parameter.sql));
  const matches = keys.map((column, i) => `t.${column.name} ${column.equals} v.o$${columns.length + i}${column.cast}`).join(" AND ");
  const { leading, sql } = movesByReplacing(table)
    ? replaceSql(table, columns, unnest, alias, matches)
    : moveSql(table, columns, unnest, alias, matches);
  const parameters: Statement["parameters"] = [
    ...columns.map((column) => ({ column, side: "row" as const, index: column.index })),
    ...keyParameters(table, keys, oldSide),
  ];
  return statement(`move ${oldSide}`, table, sql, parameters, leading);
}

/** Whether a move deletes the row and inserts it again: no UPDATE may set a column that is GENERATED ALWAYS AS IDENTITY. */
export function movesByReplacing(table: TargetTable): boolean {
  return table.columns.some((column) => column.identityAlways);
}

function moveSql(table: TargetTable, columns: readonly TargetColumn[], unnest: string, alias: string, matches: string): MainSql {
  const set = columns.map((column, i) => `${column.name} = v.o$${i}${column.cast}`).join(", ");
  return { leading: "", sql: `UPDATE ${table.own} AS t SET ${set} FROM ${unnest} AS ${alias} WHERE ${matches}` };
}

/** The row goes and comes again, with what only the target knows of it. */
function replaceSql(table: TargetTable, columns: readonly TargetColumn[], unnest: string, alias: string, matches: string): MainSql {
  const kept = [...table.columns.filter((column) => !columns.includes(column)).map((column) => column.name), ...table.extra];
  const names = [...columns.map((column) => column.name), ...kept].join(", ");
  const values = [...columns.map((column, i) => `gone.o$${i}${column.cast}`), ...kept.map((_, i) => `gone.k$${i}`)].join(", ");
  const returning = ["v.*", ...kept.map((name, i) => `t.${name} AS k$${i}`)].join(", ");
  // ORDER BY: every row has gone before the first one comes. What was sent can always be sorted; a column of the table may be json.
  const gone = `gone AS (DELETE FROM ${table.own} AS t USING ${unnest} AS ${alias} WHERE ${matches} RETURNING ${returning})`;
  const come = `INSERT INTO ${table.name} (${names}) OVERRIDING SYSTEM VALUE SELECT ${values} FROM gone ORDER BY gone.o$0`;
  return { leading: gone, sql: come };
}

/**
 * Touches nothing, and says whether the rows are there.
 *
 * @param side where the key is
 */
export function lockStatement(table: TargetTable, side: "row" | "old"): Statement {
  const keys = table.columns.filter((column) => column.key);
  const { unnest, alias } = unnested(keys.map((column) => column.parameter.sql));
  const matches = keys.map((column, i) => `t.${column.name} ${column.equals} v.o$${i}${column.cast}`).join(" AND ");
  const sql = `SELECT FROM ${table.own} AS t, ${unnest} AS ${alias} WHERE ${matches} FOR NO KEY UPDATE OF t`;
  return statement("lock", table, sql, keyParameters(table, keys, side));
}

export function deleteStatement(table: TargetTable): Statement {
  const keys = table.columns.filter((column) => column.key);
  const { unnest, alias } = unnested(keys.map((column) => column.parameter.sql));
  const matches = keys.map((column, i) => `t.${column.name} ${column.equals} v.o$${i}${column.cast}`).join(" AND ");
  const sql = `DELETE FROM ${table.own} AS t USING ${unnest} AS ${alias} WHERE ${matches}`;
  return statement("delete", table, sql, keyParameters(table, keys, "row"));
}

/** Tables that were truncated together, in one statement: foreign keys between them would refuse each alone. */
export function truncateSql(tables: readonly TargetTable[]): string {
  return `TRUNCATE ${[...new Set(tables.map((table) => table.own))].join(", ")}`;
}

/** The old key of a move has the key's columns and no others. */
function keyParameters(table: TargetTable, keys: readonly TargetColumn[], side: "row" | "old"): Statement["parameters"] {
  return keys.map((column) => ({ column, side, index: side === "row" ? column.index : table.plan.keys.indexOf(column.index) }));
}

function rowParameters(table: TargetTable): Statement["parameters"] {
  return table.columns.map((column) => ({ column, side: "row", index: column.index }));
}

function unnested(types: readonly string[]): { unnest: string; alias: string } {
  return {
    unnest: `unnest(${types.map((type, i) => `$${i + 1}::${type}`).join(", ")})`,
    alias: `v(${types.map((_, i) => `o$${i}`).join(", ")})`,
  };
}

/** A statement without the WITH queries that it begins with. */
interface MainSql {
  readonly leading: string;
  readonly sql: string;
}

export function statement(kind: string, table: TargetTable, main: string, parameters: Statement["parameters"], leading = ""): Statement {
  const sql = leading === "" ? main : `WITH ${leading} ${main}`;
  // A parameter keeps the type that it was parsed with: behind an enum that was made anew under its old name no merged statement was taken any more.
  const parsed = [sql, ...parameters.map(({ column }) => column.parameter.elementOid)].join(" ");
  return { name: `offtake ${kind} ${table.plan.schemaId} ${hash("sha256", parsed, "base64url").slice(0, 22)}`, sql, leading, parameters };
}

/**
 * The statement as one that fails (division_by_zero) where it touches another number of rows than its last parameter says: so a COMMIT can leave together with
 * it, without an answer in between. The statement must return nothing itself.
 */
export function exactSql({ sql, leading, parameters }: Statement): string {
  const main = leading === "" ? sql : sql.slice(`WITH ${leading} `.length);
  const returning = main.startsWith("SELECT") ? "" : " RETURNING 1";
  return `WITH ${leading === "" ? "" : `${leading}, `}touched AS (${main}${returning}) SELECT 1 / (count(*) = $${parameters.length + 1}::int8)::int4 FROM touched`;
}
