/**
 * The statements that read a chunk. A condition in another order than the index's would pass rows by, and be slow; so both are the index's own: its columns,
 * its collations, its operators.
 *
 * Pure. Source: PostgreSQL documentation, "Row Constructor Comparison", "Operator Invocations".
 */
import { escapeIdentifier, escapeLiteral } from "pg";
import { quotedName } from "../../services/runtime/table-pattern.ts";
import { beyond, compared, type ComparedColumn } from "./key-comparison.ts";
import type { SnapshotTable, WalkColumn } from "./snapshot-table.ts";

/** As many keys as one statement asks for. */
export const keysAtOnce = 500;

/** @param after text of the key's values, in the order of the index; undefined for the table's beginning */
export function rangeStatement(table: SnapshotTable, after: readonly string[] | undefined, limit: number): string {
  const { walk } = table;
  const where =
    after === undefined
      ? ""
      : ` WHERE ${
          walk.every(isPlain)
            ? rowBeyond(walk, after)
            : beyond(
                walk.map(operand),
                walk.map((column, i) => literal(column, after[i]!)),
              )
        }`;
  return `COPY (${select(table)}${where} ORDER BY ${walk.map(expression).join(", ")} LIMIT ${limit}) TO STDOUT`;
}

/**
 * @param columns of the key, and their text for each row that is wanted
 * @param keys at most keysAtOnce
 */
export function keysStatement(table: SnapshotTable, columns: readonly string[], keys: readonly (readonly string[])[]): string {
  const walk = walkedBy(table, columns);
  const rows = keys.map((key) => `(${walk.map((column, i) => compared(operand(column), "=", literal(column, key[i]!))).join(" AND ")})`);
  return `COPY (${select(table)} WHERE ${rows.join(" OR ")}) TO STDOUT`;
}

/**
 * Those of the keys that there is no row of, as rows that have nothing but their key: as the source prints it, whatever it was asked for as.
 *
 * @param columns as for keysStatement(), and `keys` too
 */
export function absentStatement(table: SnapshotTable, columns: readonly string[], keys: readonly (readonly string[])[]): string {
  const walk = walkedBy(table, columns);
  const values = keys.map((key) => `(${walk.map((column, i) => literal(column, key[i]!)).join(", ")})`);
  const row = table.relation.columns.map(({ name }) => (columns.includes(name) ? `wanted.c${columns.indexOf(name)}` : "NULL"));
  const names = columns.map((_, i) => `c${i}`);
  const equal = walk.map((column, i) => compared(operand(column), "=", `wanted.c${i}`));
  // With OFFSET it stays a search of its own for each key: joined, it may be one through the whole index.
  const found = `SELECT FROM ${from(table)} AS found WHERE ${equal.join(" AND ")} OFFSET 0`;
  return `COPY (SELECT ${row.join(", ")} FROM (VALUES ${values.join(", ")}) AS wanted (${names.join(", ")}) WHERE NOT EXISTS (${found})) TO STDOUT`;
}

function walkedBy(table: SnapshotTable, columns: readonly string[]): WalkColumn[] {
  return columns.map((name) => table.walk.find((column) => column.name === name)!);
}

function typeName({ schema, name }: WalkColumn["type"]): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
}

function select(table: SnapshotTable): string {
  return `SELECT ${table.relation.columns.map(({ name }) => escapeIdentifier(name)).join(", ")} FROM ${from(table)}`;
}

/** Tables that inherit from a table that is not partitioned are in the stream under their own names. */
function from(table: SnapshotTable): string {
  return `${table.partitioned ? "" : "ONLY "}${quotedName(table)}`;
}

function rowBeyond(walk: readonly WalkColumn[], after: readonly string[]): string {
  return `(${walk.map(expression).join(", ")}) > (${walk.map((column, i) => literal(column, after[i]!)).join(", ")})`;
}

/**
 * Of its column's type: beside an operator of another one, as those of oid are regproc's and those of record a composite's, it would be read as of that. Without a length: a key that is too
 * long for the column has no row, and its beginning may have one.
 */
function literal({ type }: WalkColumn, value: string): string {
  return `${escapeLiteral(value)}::${typeName(type)}`;
}

function operand(column: WalkColumn): ComparedColumn {
  return { sql: expression(column), operators: escapeIdentifier(column.operators) };
}

function isPlain({ operators }: WalkColumn): boolean {
  return operators === "pg_catalog";
}

function expression({ name, collation }: WalkColumn): string {
  const column = escapeIdentifier(name);
  return collation === null ? column : `${column} COLLATE ${escapeIdentifier(collation.schema)}.${escapeIdentifier(collation.name)}`;
}
