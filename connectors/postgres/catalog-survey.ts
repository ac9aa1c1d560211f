/**
 * What a monolith's tables are like, for somebody who has to say which service owns which: size, key, who writes them, and what they refer to. A table that is not
 * shown here is one that nobody carves out.
 *
 * Source: PostgreSQL documentation, pg_class, pg_constraint, pg_stat_all_tables, aclexplode.
 */
import type { ClientBase } from "pg";
import type { TableName } from "../../services/runtime/table-pattern.ts";

/** A foreign key, as its table has it. */
export interface Reference {
  readonly to: TableName;
  readonly columns: readonly string[];
  /** Whether all of its columns are in the table's primary key: a row of it is a part of the other. */
  readonly inKey: boolean;
  /** Whether the row goes with the one that it refers to. */
  readonly cascades: boolean;
  /** Whether none of its columns may be NULL. */
  readonly required: boolean;
}

export interface SurveyedTable extends TableName {
  /** The planner's estimate; null where the table was never analysed. */
  readonly rows: number | null;
  /** With indexes and TOAST, of all partitions. */
  readonly bytes: number;
  /** Columns of the primary key; empty without one. */
  readonly key: readonly string[];
  /** Rows inserted, updated and deleted since the server's statistics were reset. */
  readonly writes: number;
  /** The owner, and roles that were granted one of INSERT, UPDATE, DELETE; PUBLIC is one of them. */
  readonly writers: readonly string[];
  readonly references: readonly Reference[];
}

// A partitioned table is its partitions' sum, and they are not shown. Sizes are of files: no lock is taken, and a table that is dropped meanwhile has none.
const sql = `
WITH RECURSIVE tables AS (
    SELECT c.oid, n.nspname, c.relname, c.relowner, c.relacl, c.reltuples, c.relkind
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
       AND n.nspname <> 'information_schema' AND n.nspname <> 'offtake' AND NOT pg_catalog.starts_with(n.nspname, 'pg_')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), parts AS (
    SELECT oid AS root, oid FROM tables
  UNION ALL
    SELECT parts.root, c.oid
      FROM parts JOIN pg_catalog.pg_inherits i ON i.inhparent = parts.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition
), sums AS (
    SELECT parts.root, pg_catalog.sum(pg_catalog.pg_total_relation_size(parts.oid))::float8 AS bytes,
           pg_catalog.sum(counted.writes)::float8 AS writes
      FROM parts
      LEFT JOIN LATERAL (
           SELECT s.n_tup_ins + s.n_tup_upd + s.n_tup_del AS writes FROM pg_catalog.pg_stat_all_tables s WHERE s.relid = parts.oid
           ) AS counted ON true
     GROUP BY parts.root
)
SELECT t.nspname AS schema, t.relname AS table,
       CASE WHEN t.reltuples >= 0 THEN t.reltuples::float8 END AS rows,
       coalesce(sums.bytes, 0) AS bytes,
       coalesce(sums.writes, 0) AS writes,
       ARRAY(SELECT a.attname::text
               FROM pg_catalog.pg_index i, pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
               JOIN pg_catalog.pg_attribute a ON a.attnum = k.attnum
              WHERE i.indrelid = t.oid AND i.indisprimary AND a.attrelid = t.oid AND k.place <= i.indnkeyatts ORDER BY k.place) AS key,
       ARRAY(SELECT writer FROM (
                SELECT pg_catalog.pg_get_userbyid(t.relowner)::text AS writer
                 UNION
                SELECT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(acl.grantee)::text END
                  FROM pg_catalog.aclexplode(t.relacl) acl WHERE acl.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')
             ) writers ORDER BY writer) AS writers,
       coalesce(links.list, '[]') AS references
  FROM tables t
  LEFT JOIN sums ON sums.root = t.oid
  LEFT JOIN LATERAL (
       SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                'to', pg_catalog.json_build_object('schema', fn.nspname, 'table', f.relname),
                'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
                              FROM pg_catalog.unnest(con.conkey) WITH ORDINALITY AS k(attnum, place)
                              JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum),
                'inKey', EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = t.oid AND i.indisprimary AND con.conkey <@ i.indkey::int2[]),
                'cascades', con.confdeltype = 'c',
                'required', NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY (con.conkey) AND NOT a.attnotnull)
              ) ORDER BY con.conname) AS list
         FROM pg_catalog.pg_constraint con
         JOIN pg_catalog.pg_class f ON f.oid = con.confrelid
         JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
        WHERE con.conrelid = t.oid AND con.contype = 'f' AND con.conparentid = 0
       ) links ON true
 ORDER BY 1, 2`;

/** Every table that is a user's: partitions count with their root, and neither an extension's tables nor temporary ones are there. */
export async function surveyTables(client: ClientBase): Promise<SurveyedTable[]> {
  const { rows } = await client.query<SurveyedTable>(sql);
  return rows;
}
