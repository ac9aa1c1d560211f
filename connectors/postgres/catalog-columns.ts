/**
 * Columns in the order of the table.
 *
 * Position, not name, is what a relation message and a row have in common, so the order is attnum's; numbers have gaps where columns were
 * dropped. A generated column keeps its expression where others keep their default: mixing the two up makes a column writable that is not.
 *
 * Source: PostgreSQL documentation, pg_attribute, pg_attrdef.
 */
import type { ClientBase } from "pg";

export interface ColumnRow {
  table: number;
  name: string;
  number: number;
  type: number;
  typmod: number;
  notNull: boolean;
  generated: "" | "s" | "v";
  identity: "" | "a" | "d";
  /** OID of pg_attrdef, to look up what the expression needs. */
  expressionOid: number | null;
  expression: string | null;
  /** Null where it is the type's own. */
  collation: number | null;
}

const sql = `
SELECT a.attrelid AS table,
       a.attname AS name,
       a.attnum AS number,
       a.atttypid AS type,
       a.atttypmod AS typmod,
       a.attnotnull AS "notNull",
       a.attgenerated AS generated,
       a.attidentity AS identity,
       d.oid AS "expressionOid",
       pg_get_expr(d.adbin, d.adrelid) AS expression,
       CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation END AS collation
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum`;

export async function readColumnRows(client: ClientBase, tables: readonly number[]): Promise<ColumnRow[]> {
  const { rows } = await client.query<ColumnRow>(sql, [tables]);
  return rows;
}
