/**
 * How many rows tables have, as their statistics say, of hundreds of tables at once: nothing is counted, since the monolith comes first. A table that was never analysed has no estimate, and neither
 * has a partitioned one of which a part was not: a number that leaves something out is taken for the whole.
 *
 * Source: PostgreSQL documentation, pg_class, reltuples.
 */
import type { ClientBase } from "pg";
import { fullName, type TableName } from "../../services/runtime/table-pattern.ts";

const sql = `
  WITH RECURSIVE asked AS (
         SELECT n.nspname AS schema, c.relname AS table, c.oid
           FROM unnest($1::text[], $2::text[]) AS a (schema, name)
           JOIN pg_catalog.pg_namespace n ON n.nspname = a.schema
           JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = a.name),
       tree (root, oid) AS (
         SELECT oid, oid FROM asked
          UNION
         SELECT tree.root, c.oid
           FROM tree
           JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
           JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition)
  SELECT asked.schema, asked.table, CASE WHEN bool_and(l.reltuples >= 0) THEN sum(l.reltuples)::float8 END AS rows
    FROM asked
    JOIN tree ON tree.root = asked.oid
    JOIN pg_catalog.pg_class l ON l.oid = tree.oid AND l.relkind = 'r'
   GROUP BY asked.schema, asked.table`;

/** @returns by schema.table, those of which it is known */
export async function readRowEstimates(source: ClientBase, tables: readonly TableName[]): Promise<ReadonlyMap<string, number>> {
  const names = [tables.map(({ schema }) => schema), tables.map(({ table }) => table)];
  const { rows } = await source.query<TableName & { rows: number | null }>(sql, names);
  return new Map(rows.flatMap(({ rows: estimate, ...table }) => (estimate === null ? [] : [[fullName(table), estimate] as const])));
}
