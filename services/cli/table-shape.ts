/**
 * The shape of tables, as much of it as source and target must have in common: columns with their types, and the key by which rows are found.
 *
 * Source: PostgreSQL documentation, "pg_attribute", "pg_index"; "ALTER TABLE", REPLICA IDENTITY.
 */
import type { ClientBase } from "pg";
import type { TableName } from "../runtime/table-pattern.ts";

export interface ColumnShape {
  readonly name: string;
  /** As SQL names it, with modifier. */
  readonly type: string;
  /** What tells two types apart whatever the search path, and wherever an extension lives. */
  readonly typeName: string;
  readonly modifier: number;
  readonly generated: boolean;
  /** Whether the publication would have it, generated or not. */
  readonly published: boolean;
  /** What rows that are older than the column have in it, where it was added with a default; null for nothing. */
  readonly older: string | null;
  /** Whether rows may hold something in it of which no event says so: by a default of its own or of its type. */
  readonly filled: boolean;
}

export interface TableShape extends TableName {
  readonly columns: readonly ColumnShape[];
  /** Of the replica identity, or with REPLICA IDENTITY FULL of the primary key, unless that is deferrable; empty for none. */
  readonly key: readonly string[];
}

const shapesSql = `
  SELECT n.nspname AS schema, c.relname AS table,
         (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'typeName', t.typname,
                                            'modifier', a.atttypmod, 'generated', a.attgenerated <> '',
                                            'published', a.attgenerated = '' OR a.attgenerated = 's' AND $3,
                                            'older', CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END,
                                            'filled', a.atthasdef AND a.attgenerated = '' OR a.atthasmissing OR a.attidentity <> '' OR t.typdefault IS NOT NULL)
                         ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a
            JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
         coalesce((SELECT json_agg(a.attname ORDER BY a.attnum)
                     FROM pg_catalog.pg_index i
                     JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND array_position(i.indkey::int2[], a.attnum) < i.indnkeyatts
                    WHERE i.indrelid = c.oid AND CASE c.relreplident WHEN 'i' THEN i.indisreplident WHEN 'n' THEN false ELSE i.indisprimary AND i.indimmediate END), '[]') AS key
    FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
   ORDER BY 1, 2`;

/** @param generated whether the publication has the stored generated columns */
export async function readShapes(client: ClientBase, tables: readonly TableName[], generated = false): Promise<TableShape[]> {
  const { rows } = await client.query<{ schema: string; table: string; columns: ColumnShape[] | null; key: string[] }>(shapesSql, [
    tables.map(({ schema }) => schema),
    tables.map(({ table }) => table),
    generated,
  ]);
  return rows.map(({ columns, ...row }) => ({ ...row, columns: columns ?? [] }));
}
