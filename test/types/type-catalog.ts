/**
 * The types of a server, by its own catalog: what is not asked for here is a type that no test has carried and nobody misses.
 *
 * Row types of tables and of extensions' functions are left out: they are composites, of which the tests have their own.
 */
import { escapeIdentifier, type ClientBase } from "pg";

export interface CatalogType {
  readonly name: string;
  /** As SQL names it, with its schema. */
  readonly sql: string;
  /** The extension that brought it, null for PostgreSQL itself, and for users' own. */
  readonly extension: string | null;
  /** Of an array. */
  readonly element: { readonly name: string; readonly delimiter: string } | null;
  /** Whether it can be in a primary key. */
  readonly ordered: boolean;
}

// int2vector and oidvector are arrays by their category only: they have types of arrays of their own.
const typesSql = `
  SELECT t.typname AS name, n.nspname AS schema,
         (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
           WHERE d.classid = 'pg_type'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.objid = coalesce(el.oid, t.oid)) AS extension,
         CASE WHEN el.oid IS NOT NULL THEN json_build_object('name', el.typname, 'delimiter', el.typdelim) END AS element,
         c.oid IS NOT NULL AS composite
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_type el ON el.typarray = t.oid
    LEFT JOIN pg_catalog.pg_class c ON c.oid = coalesce(el.typrelid, t.typrelid)
   WHERE t.typtype <> 'p' AND coalesce(el.typtype, '') <> 'p' AND coalesce(c.relkind, 'c') = 'c' AND n.nspname <> 'pg_toast' AND t.typisdefined
   ORDER BY el.oid IS NOT NULL, t.oid`;

interface TypeRow extends Pick<CatalogType, "name" | "extension" | "element"> {
  readonly schema: string;
  readonly composite: boolean;
}

/** Of the public schema, information_schema and PostgreSQL's own. */
export async function readTypes(client: ClientBase): Promise<CatalogType[]> {
  const { rows } = await client.query<TypeRow>(typesSql);
  const types: CatalogType[] = [];
  await client.query("BEGIN");
  for (const { name, schema, extension, element, composite } of rows) {
    if (composite && extension !== null) continue;
    const sql = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
    // An array can be a key by its own type, and is refused at the first row where its elements have no order.
    const ordered = element === null ? await isOrdered(client, sql) : types.some((type) => type.name === element.name && type.ordered);
    types.push({ name, sql, extension, element, ordered });
  }
  await client.query("ROLLBACK");
  return types;
}

async function isOrdered(client: ClientBase, sql: string): Promise<boolean> {
  await client.query("SAVEPOINT type");
  try {
    await client.query(`CREATE TEMPORARY TABLE keyed (k ${sql} PRIMARY KEY)`);
    return true;
  } catch {
    return false;
  } finally {
    await client.query("ROLLBACK TO SAVEPOINT type");
  }
}

/** Makes every extension that the server carries and that has types. @returns their names */
export async function createExtensions(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>("SELECT name FROM pg_catalog.pg_available_extensions WHERE name !~ '^pl|_pl' ORDER BY name");
  for (const { name } of rows) await client.query(`CREATE EXTENSION IF NOT EXISTS ${escapeIdentifier(name)} CASCADE`);
  const made = await client.query<{ name: string }>(`
    SELECT DISTINCT e.extname::text AS name
      FROM pg_catalog.pg_extension e
      JOIN pg_catalog.pg_depend d ON d.refobjid = e.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.classid = 'pg_type'::regclass
      JOIN pg_catalog.pg_type t ON t.oid = d.objid AND t.typrelid = 0 AND t.typelem = 0
     ORDER BY 1`);
  return made.rows.map(({ name }) => name);
}
