/**
 * Collations that columns, types and indexes name.
 *
 * A text that sorts or compares otherwise at the target is another key in a unique index. Columns of pg_collation changed their names with
 * PostgreSQL 16 and 17, hence the reading through jsonb.
 *
 * Source: PostgreSQL documentation, pg_collation, CREATE COLLATION.
 */
import type { ClientBase } from "pg";
import type { CatalogCollation, CollationName } from "./catalog-model.ts";

export type CollationRow = CatalogCollation & { extension: string | null; builtIn: boolean };

const sql = `
SELECT c.oid,
       n.nspname AS schema,
       c.collname AS name,
       CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin' ELSE 'default' END AS provider,
       c.collisdeterministic AS deterministic,
       c.collcollate AS collate,
       c.collctype AS ctype,
       coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale') AS locale, -- PostgreSQL 17; 15 and 16
       to_jsonb(c) ->> 'collicurules' AS rules, -- PostgreSQL 16
       n.nspname = 'pg_catalog' AS "builtIn",
       (SELECT e.extname FROM pg_depend m JOIN pg_extension e ON e.oid = m.refobjid
         WHERE m.classid = 'pg_collation'::regclass AND m.objid = c.oid AND m.deptype = 'e') AS extension
  FROM pg_collation c
  JOIN pg_namespace n ON n.oid = c.collnamespace
 WHERE c.oid = ANY($1::oid[])
 ORDER BY n.nspname, c.collname`;

export async function readCollationRows(client: ClientBase, collations: readonly number[]): Promise<CollationRow[]> {
  const { rows } = await client.query<CollationRow>(sql, [collations]);
  return rows;
}

export function collationNameOf({ oid, schema, name, extension }: CollationRow): CollationName {
  return { oid, schema, name, extension };
}

/** @returns null for one that is there anyway: built in (or imported from the operating system), or an extension's */
export function collationOf({ extension, builtIn, ...row }: CollationRow, comment: string | null): CatalogCollation | null {
  return builtIn || extension !== null ? null : { ...row, comment };
}
