/**
 * The tables themselves: kind, partitioning, inheritance, replica identity.
 *
 * A partitioned table is nothing without its partitions: rows that find none are refused. So whoever names a partitioned table gets the whole
 * tree below it.
 *
 * Source: PostgreSQL documentation, pg_class, pg_inherits, pg_partitioned_table, "Replica Identity" in ALTER TABLE.
 */
import type { ClientBase } from "pg";
import type { Partition } from "../../services/runtime/expand-tables.ts";
import type { TableName } from "../../services/runtime/table-pattern.ts";

export interface TableRow {
  oid: number;
  schema: string;
  name: string;
  relkind: "r" | "p";
  persistence: "p" | "u" | "t";
  replident: "d" | "n" | "f" | "i";
  rowSecurity: boolean;
  estimatedRows: number | null;
  partitionBy: string | null;
  parentSchema: string | null;
  parentName: string | null;
  bound: string | null;
  inherits: TableName[];
}

const sql = `
WITH RECURSIVE wanted AS (
    SELECT c.oid
      FROM unnest($1::text[], $2::text[]) AS asked(schema, name)
      JOIN pg_namespace n ON n.nspname = asked.schema
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = asked.name
     WHERE c.relkind IN ('r', 'p')
  UNION
    SELECT c.oid
      FROM wanted
      JOIN pg_inherits i ON i.inhparent = wanted.oid
      JOIN pg_class c ON c.oid = i.inhrelid
     WHERE c.relispartition AND c.relkind IN ('r', 'p')
)
SELECT c.oid,
       n.nspname AS schema,
       c.relname AS name,
       c.relkind,
       c.relpersistence AS persistence,
       c.relreplident AS replident,
       c.relrowsecurity AS "rowSecurity",
       CASE WHEN c.reltuples >= 0 THEN c.reltuples::float8 END AS "estimatedRows",
       pg_get_partkeydef(c.oid) AS "partitionBy",
       parent.schema AS "parentSchema",
       parent.name AS "parentName",
       pg_get_expr(c.relpartbound, c.oid) AS bound,
       coalesce(ancestors.list, '[]') AS inherits
  FROM wanted
  JOIN pg_class c ON c.oid = wanted.oid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (
       SELECT pn.nspname AS schema, p.relname AS name
         FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE i.inhrelid = c.oid AND c.relispartition
       ) parent ON true
  LEFT JOIN LATERAL (
       SELECT json_agg(json_build_object('schema', pn.nspname, 'table', p.relname) ORDER BY i.inhseqno) AS list
         FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE i.inhrelid = c.oid AND NOT c.relispartition
       ) ancestors ON true
 ORDER BY n.nspname, c.relname`;

/** The tables of these names and the partitions below them. Names that are no table are not in the answer. */
export async function readTableRows(client: ClientBase, names: readonly TableName[]): Promise<TableRow[]> {
  const { rows } = await client.query<TableRow>(sql, [names.map((name) => name.schema), names.map((name) => name.table)]);
  return rows;
}

const listSql = `
SELECT n.nspname AS schema, c.relname AS table
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p')
   AND c.relpersistence <> 't'
   AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname`;

/** Every table of the database that is a user's: not the system's, not an extension's, not temporary. Partitions are tables too. */
export async function listTables(client: ClientBase): Promise<TableName[]> {
  const { rows } = await client.query<TableName>(listSql);
  return rows;
}

// One that is being detached is none any more: the rows of queries have left it already.
const partitionsSql = `
WITH RECURSIVE below AS (
    SELECT i.inhrelid AS oid, i.inhparent AS ancestor, 1 AS distance
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
     WHERE c.relkind = 'p' AND NOT i.inhdetachpending
  UNION ALL
    SELECT below.oid, i.inhparent, below.distance + 1
      FROM below JOIN pg_inherits i ON i.inhrelid = below.ancestor
     WHERE NOT i.inhdetachpending
)
SELECT n.nspname AS schema, c.relname AS table,
       json_agg(json_build_object('schema', an.nspname, 'table', a.relname) ORDER BY below.distance) AS ancestors
  FROM below
  JOIN pg_class c ON c.oid = below.oid AND c.relkind IN ('r', 'p')
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class a ON a.oid = below.ancestor
  JOIN pg_namespace an ON an.oid = a.relnamespace
 GROUP BY n.nspname, c.relname`;

/** Every table of the database that is a partition, with what it is a part of. */
export async function listPartitions(client: ClientBase): Promise<Partition[]> {
  const { rows } = await client.query<Partition>(partitionsSql);
  return rows;
}
