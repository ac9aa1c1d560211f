/**
 * Columns of a key by whose text a row cannot be told for certain: two texts may be equal there (citext; a collation that ignores case; an interval; 1e15 of a float). A later event of a
 * parked key that comes under another text of it would be applied in front of the queue.
 *
 * Source: PostgreSQL documentation, "pg_collation", "pg_type".
 */
import type { ClientBase } from "pg";
import type { TargetTable } from "./target-table.ts";

/** Equal where their texts are, or where parked-keys.ts makes one text of them. */
const numbers = ["int2", "int4", "int8", "numeric", "oid", "bool", "uuid", "bytea", "pg_lsn", "xid8"];
const texts = ["text", "varchar", "bpchar", "name", "char", "date", "time", "timestamp", "timestamptz", "inet", "cidr", "macaddr", "macaddr8"];
const fit = [...numbers, ...texts];

const sql = `
  SELECT a.attname AS name
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
   WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND '"' || replace(a.attname, '"', '""') || '"' = ANY ($2)
     AND NOT (t.typtype = 'e' OR (t.typnamespace = 'pg_catalog'::regnamespace AND t.typname = ANY ($3) AND coalesce(c.collisdeterministic, true)))
   ORDER BY a.attnum`;

/** @returns their names at the target */
export async function unfitKeyColumns(client: ClientBase, { name, columns }: TargetTable): Promise<string[]> {
  const keys = columns.filter((column) => column.key).map((column) => column.name);
  return (await client.query<{ name: string }>(sql, [name, keys, fit])).rows.map((row) => row.name);
}
