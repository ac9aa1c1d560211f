/**
 * What a target has already, as far as creating a service's tables there depends on it.
 *
 * Whatever is on this list is never touched: a table that is there may be filled, a type may have labels of its own.
 *
 * Source: PostgreSQL documentation, pg_class, pg_type, pg_extension, pg_depend.
 */
import type { ClientBase } from "pg";
import { keyOf, type TargetExtension } from "./create-names.ts";

export interface TargetContents {
  /** server_version_num. */
  version: number;
  schemas: ReadonlySet<string>;
  /** Names as keyOf has them. Tables, views, indexes and sequences share one space; the types of tables are among types. */
  relations: ReadonlySet<string>;
  types: ReadonlySet<string>;
  collations: ReadonlySet<string>;
  extensions: ReadonlyMap<string, TargetExtension>;
}

interface ObjectRow {
  kind: "schema" | "relation" | "type" | "collation" | "extension" | "extension type";
  schema: string;
  name: string;
  extension: string | null;
}

const sql = `
  SELECT 'schema' AS kind, nspname AS schema, nspname AS name, NULL AS extension FROM pg_namespace
UNION ALL
  SELECT 'relation', n.nspname, c.relname, NULL FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE NOT starts_with(n.nspname, 'pg_')
UNION ALL
  SELECT 'type', n.nspname, t.typname, NULL FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
   WHERE NOT starts_with(n.nspname, 'pg_')
UNION ALL
  SELECT 'collation', n.nspname, c.collname, NULL FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
   WHERE c.collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding()))
UNION ALL
  SELECT 'extension', n.nspname, e.extname, e.extname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
UNION ALL
  SELECT 'extension type', n.nspname, t.typname, e.extname
    FROM pg_extension e
    JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_type'::regclass AND d.deptype = 'e'
    JOIN pg_type t ON t.oid = d.objid
    JOIN pg_namespace n ON n.oid = t.typnamespace`;

export async function readTargetContents(client: ClientBase): Promise<TargetContents> {
  const { rows } = await client.query<ObjectRow>(sql);
  const { rows: versions } = await client.query<{ version: number }>("SELECT current_setting('server_version_num')::int AS version");
  const keys = (kind: ObjectRow["kind"]): Set<string> => new Set(rows.filter((row) => row.kind === kind).map(keyOf));
  const extensions = new Map<string, TargetExtension>();
  for (const row of rows) if (row.kind === "extension") extensions.set(row.name, { schema: row.schema, types: new Map() });
  for (const row of rows) if (row.kind === "extension type" && row.extension !== null) extensions.get(row.extension)?.types.set(row.name, row.schema);
  return {
    version: versions[0]?.version ?? 0,
    schemas: new Set(rows.filter((row) => row.kind === "schema").map((row) => row.name)),
    relations: keys("relation"),
    types: keys("type"),
    collations: keys("collation"),
    extensions,
  };
}
