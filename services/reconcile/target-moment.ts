/**
 * Whether a target's table is, in the snapshot of a read, what it was in that of another: then its rows are what the events between have made of them. A column that was converted
 * prints other texts without any event, and a table that has to be copied lacks rows that its events take for granted.
 *
 * Source: PostgreSQL documentation, "pg_attribute"; schemas/target-schema.ts, offtake.needs_copy.
 */
import type { ClientBase } from "pg";

const momentSql = `
  SELECT (SELECT pg_catalog.md5(pg_catalog.string_agg(a.attnum || ' ' || a.attname || ' ' || a.atttypid || ' ' || a.atttypmod || ' ' || a.attisdropped, ',' ORDER BY a.attnum))
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0) AS shape,
         EXISTS (SELECT FROM offtake.needs_copy n WHERE n.connector = $2 AND n.table_name = $3) AS uncopied`;

/**
 * @param table oid
 * @param name schema.table of the source
 * @returns undefined while the table is not copied
 */
export async function readShape(target: ClientBase, table: number, connector: string, name: string): Promise<string | undefined> {
  const { rows } = await target.query<{ shape: string | null; uncopied: boolean }>(momentSql, [table, connector, name]);
  return rows[0]!.uncopied ? undefined : (rows[0]!.shape ?? "");
}
