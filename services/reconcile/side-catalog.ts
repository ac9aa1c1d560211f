/**
 * What one side's catalogs say of a table that is compared: its columns, its key, and in which order the server sorts it. Two servers that sort a text differently have other
 * rows between the same two keys.
 *
 * Source: PostgreSQL documentation, "pg_attribute", "pg_index", "pg_collation", "Collation Versions".
 */
import type { ClientBase } from "pg";
import type { TableName } from "../runtime/table-pattern.ts";

export interface CatalogColumn {
  readonly name: string;
  /** Schema and name of the type, or of what a domain is over. */
  readonly type: string;
  /** The same as SQL takes it in a cast. */
  readonly cast: string;
  /** Schema of the operators that it is compared by. */
  readonly operators: string;
  /** What its order depends on besides: "C", or provider, locale and version; null for a type without collation. */
  readonly collation: string | null;
  /** Whether the stream has it: generated columns are only there where the publication takes them. */
  readonly published: boolean;
}

export interface CatalogTable {
  readonly oid: number;
  readonly partitioned: boolean;
  readonly columns: readonly CatalogColumn[];
  /** Names of the columns of the replica identity's index, or of the primary key, in its order; empty for none. */
  readonly key: readonly string[];
}

// A cast of text to regclass looks for a relation, also of the name `-`, which is how no relation is printed; from bpchar, the type reads its own text. Types without an operator class of their own use that of a type below them, as varchar and enums do, which are PostgreSQL's. Locales that sort by code point have no version, and need none. The database's own collation stands for the columns that name none. Its columns have other names before PostgreSQL 17, hence jsonb.
const tableSql = `
  WITH RECURSIVE of_table AS (
         SELECT c.oid, c.relkind, c.relreplident
           FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')),
       base AS (
         SELECT a.attnum, t.oid, t.typtype, t.typbasetype, t.typname, t.typnamespace
           FROM of_table c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
          UNION ALL
         SELECT b.attnum, t.oid, t.typtype, t.typbasetype, t.typname, t.typnamespace
           FROM base b JOIN pg_catalog.pg_type t ON b.typtype = 'd' AND t.oid = b.typbasetype),
       own AS (
         SELECT d.datlocprovider AS provider, coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', d.datcollate) AS locale,
                pg_catalog.pg_database_collation_actual_version(d.oid) AS version
           FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()),
       collations AS (
         SELECT l.oid, true AS deterministic, own.provider, own.locale, own.version
           FROM own, pg_catalog.pg_collation l WHERE l.collprovider = 'd'
          UNION ALL
         SELECT l.oid, l.collisdeterministic, l.collprovider, coalesce(to_jsonb(l) ->> 'colllocale', to_jsonb(l) ->> 'colliculocale', l.collcollate)
                  || coalesce(to_jsonb(l) ->> 'collicurules', ''),
                pg_catalog.pg_collation_actual_version(l.oid)
           FROM pg_catalog.pg_collation l WHERE l.collprovider <> 'd')
  SELECT c.oid::int8::float8 AS oid, c.relkind = 'p' AS partitioned,
         (SELECT json_agg(json_build_object(
                   'name', a.attname, 'type', n.nspname || '.' || b.typname, 'cast', CASE b.oid WHEN 'regclass'::regtype THEN 'bpchar::regclass' ELSE pg_catalog.format_type(b.oid, -1) END, 'operators', coalesce(sorted.operators, 'pg_catalog'),
                   'collation', CASE WHEN l.locale IN ('C', 'POSIX') AND l.provider <> 'i' AND l.deterministic THEN 'C'
                                     ELSE pg_catalog.concat_ws(' ', l.provider, l.locale, coalesce(l.version, CASE WHEN l.locale ILIKE 'C.%' THEN 'stable' ELSE 'of this server' END), l.deterministic::text) END,
                   'published', a.attgenerated = ''
                                OR a.attgenerated = 's' AND coalesce((SELECT to_jsonb(u) ->> 'pubgencols' = 's' FROM pg_catalog.pg_publication u WHERE u.pubname = $3), false)) ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a
            JOIN base b ON b.attnum = a.attnum AND b.typtype <> 'd'
            JOIN pg_catalog.pg_namespace n ON n.oid = b.typnamespace
            LEFT JOIN collations l ON l.oid = a.attcollation
            LEFT JOIN LATERAL (
                 SELECT s.nspname AS operators
                   FROM pg_catalog.pg_opclass o
                   JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod AND m.amname = 'btree'
                   JOIN pg_catalog.pg_amop p ON p.amopfamily = o.opcfamily AND p.amoplefttype = o.opcintype AND p.amoprighttype = o.opcintype AND p.amopstrategy = 3
                   JOIN pg_catalog.pg_operator e ON e.oid = p.amopopr
                   JOIN pg_catalog.pg_namespace s ON s.oid = e.oprnamespace
                  WHERE o.opcdefault AND o.opcintype = b.oid) AS sorted ON true
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
         coalesce((SELECT json_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum))
                     FROM pg_catalog.pg_index i
                     JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND array_position(i.indkey::int2[], a.attnum) < i.indnkeyatts
                    WHERE i.indrelid = c.oid AND i.indimmediate
                      AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END), '[]') AS key
    FROM of_table c`;

/**
 * @param publication of the connector; at the target there is none of that name
 * @returns undefined for a table that is not there
 */
export async function readCatalogTable(client: ClientBase, { schema, table }: TableName, publication: string): Promise<CatalogTable | undefined> {
  return (await client.query<CatalogTable>(tableSql, [schema, table, publication])).rows[0];
}
