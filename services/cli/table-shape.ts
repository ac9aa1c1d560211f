/**
 * The shape of tables, as much of it as source and target must have in common: columns with their types, the key by which rows are found, and what is unique.
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

/** A unique constraint or index of plain columns, for all rows. */
export interface UniqueShape {
  /** Of the constraint, or of an index that belongs to none. */
  readonly name: string;
  readonly constraint: boolean;
  readonly primary: boolean;
  readonly columns: readonly string[];
  readonly deferrable: boolean;
  /** NULLS NOT DISTINCT, or columns that are never NULL. */
  readonly nullsEqual: boolean;
}

export interface TableShape extends TableName {
  readonly columns: readonly ColumnShape[];
  /** Of the replica identity, or with REPLICA IDENTITY FULL of the primary key, unless that is deferrable; empty for none. */
  readonly key: readonly string[];
  readonly uniques: readonly UniqueShape[];
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
                    WHERE i.indrelid = c.oid AND CASE c.relreplident WHEN 'i' THEN i.indisreplident WHEN 'n' THEN false ELSE i.indisprimary AND i.indimmediate END), '[]') AS key,
         coalesce((SELECT json_agg(json_build_object('name', coalesce(k.conname, x.relname), 'constraint', k.oid IS NOT NULL, 'primary', i.indisprimary,
                                                     'columns', u.names, 'deferrable', coalesce(k.condeferrable, false),
                                                     'nullsEqual', i.indnullsnotdistinct OR u.filled) ORDER BY x.relname)
                     FROM pg_catalog.pg_index i
                     JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                     LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u')
                    CROSS JOIN LATERAL (SELECT json_agg(a.attname ORDER BY o.n) AS names, bool_and(a.attnotnull) AS filled
                                          FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) WITH ORDINALITY AS o (attnum, n)
                                          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.attnum) AS u
                    WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL), '[]') AS uniques
    FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
   ORDER BY 1, 2`;

/** @param generated whether the publication has the stored generated columns */
export async function readShapes(client: ClientBase, tables: readonly TableName[], generated = false): Promise<TableShape[]> {
  const { rows } = await client.query<{ schema: string; table: string; columns: ColumnShape[] | null; key: string[]; uniques: UniqueShape[] }>(
    shapesSql,
    [tables.map(({ schema }) => schema), tables.map(({ table }) => table), generated],
  );
  return rows.map(({ columns, ...row }) => ({ ...row, columns: columns ?? [] }));
}
