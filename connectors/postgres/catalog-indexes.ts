/**
 * Indexes, with the text that PostgreSQL itself would create them from.
 *
 * pg_get_indexdef always qualifies the table, whatever the search_path; but what it prints before USING is known exactly, so that part is cut
 * off here, by its length and not by a search for a word that an identifier may contain. What follows is opclasses, collations, expressions,
 * INCLUDE and WHERE, which are better not put together by anybody else.
 *
 * Source: PostgreSQL documentation, pg_index, pg_get_indexdef.
 */
import type { ClientBase } from "pg";

export interface IndexRow {
  table: number;
  oid: number;
  name: string;
  method: string;
  definition: string | null;
  columns: (string | null)[];
  included: string[];
  unique: boolean;
  primary: boolean;
  immediate: boolean;
  partial: boolean;
  nullsNotDistinct: boolean;
  valid: boolean;
  replicaIdentity: boolean;
  constraint: string | null;
  inherited: boolean;
}

const sql = `
SELECT i.indrelid AS table,
       c.oid,
       c.relname AS name,
       m.amname AS method,
       CASE WHEN starts_with(text.whole, text.head || 'USING ') THEN substr(text.whole, length(text.head) + 1) END AS definition,
       key.columns[:i.indnkeyatts] AS columns,
       key.columns[i.indnkeyatts + 1:] AS included,
       i.indisunique AS unique,
       i.indisprimary AS primary,
       i.indimmediate AS immediate,
       i.indpred IS NOT NULL AS partial,
       i.indnullsnotdistinct AS "nullsNotDistinct",
       i.indisvalid AND i.indisready AND i.indislive AS valid,
       i.indisreplident AS "replicaIdentity",
       con.conname AS constraint,
       c.relispartition AS inherited
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_am m ON m.oid = c.relam
  JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
  LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.conrelid = i.indrelid AND con.contype IN ('p', 'u', 'x')
 CROSS JOIN LATERAL (
       SELECT pg_get_indexdef(c.oid) AS whole,
              format('CREATE %sINDEX %I ON %s%I.%I ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, c.relname,
                     CASE WHEN c.relkind = 'I' THEN 'ONLY ' END, n.nspname, t.relname) AS head
       ) text
 CROSS JOIN LATERAL (
       SELECT array_agg(a.attname::text ORDER BY k.place) AS columns
         FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
         LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number AND k.number <> 0
       ) key
 WHERE i.indrelid = ANY($1::oid[])
 ORDER BY i.indrelid, c.relname`;

export async function readIndexRows(client: ClientBase, tables: readonly number[]): Promise<IndexRow[]> {
  const { rows } = await client.query<IndexRow>(sql, [tables]);
  return rows;
}
