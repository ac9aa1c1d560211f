/**
 * What `offtake check` asks of Offtake's own schema in a target or the control database: whether the role may use it. `up` may have been run by another role than the one that
 * applies, and that one would be refused with its first transaction.
 *
 * Source: PostgreSQL documentation, "Privileges".
 */
import { escapeIdentifier, type ClientBase } from "pg";
import { fault, type Finding, note } from "./finding.ts";

const rightsSql = `
  SELECT current_user AS role,
         has_schema_privilege(n.oid, 'USAGE')
     AND coalesce((SELECT bool_and(has_table_privilege(c.oid, p))
                     FROM pg_catalog.pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p
                    WHERE c.relnamespace = n.oid AND c.relkind = 'r'), true) AS may_use
    FROM pg_catalog.pg_namespace n
   WHERE n.nspname = 'offtake'`;

const creationSql = `
  SELECT current_user AS role, current_database() AS database, n.oid IS NOT NULL AS prepared,
         coalesce(has_schema_privilege(n.oid, 'CREATE'), has_database_privilege(current_database(), 'CREATE')) AS may_create
    FROM (SELECT to_regnamespace('offtake')::oid AS oid) AS n`;

/**
 * What `offtake up` will find: that it has nothing to do, or may do it.
 *
 * @param shown whose schema it is, such as `its target has`
 * @param versions of the schema: 0 for none
 */
export async function checkOwnVersion(
  client: ClientBase,
  where: string,
  shown: string,
  { installed, wanted }: { readonly installed: number; readonly wanted: number },
): Promise<Finding[]> {
  if (installed === wanted) return [];
  if (installed > wanted) return [fault(where, `its schema offtake was made by a newer Offtake (version ${installed})`, "Use that one.")];
  const { rows } = await client.query<{ role: string; database: string; prepared: boolean; may_create: boolean }>(creationSql);
  const { role, database, prepared, may_create: mayCreate } = rows[0]!;
  if (!mayCreate) {
    const on = prepared ? "SCHEMA offtake" : `DATABASE ${escapeIdentifier(database)}`;
    const what = prepared ? "may not create tables in the schema offtake" : "may not create the schema offtake";
    return [fault(where, `the role ${role} ${what}`, `GRANT CREATE ON ${on} TO ${escapeIdentifier(role)};`)];
  }
  if (installed > 0) return [note(where, `its schema offtake is of version ${installed}: \`offtake up\` brings it to ${wanted}`)];
  return [note(where, `${shown} no schema offtake yet: \`offtake up\` creates it`)];
}

/**
 * @param client of a database in which the schema offtake is there
 * @param holding what it is for, as the end of a sentence
 */
export async function checkOwnSchema(client: ClientBase, where: string, holding: string): Promise<Finding[]> {
  const { rows } = await client.query<{ role: string; may_use: boolean }>(rightsSql);
  return rows.flatMap(({ role, may_use: mayUse }) => {
    const to = escapeIdentifier(role);
    const sql = `GRANT USAGE ON SCHEMA offtake TO ${to}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA offtake TO ${to};`;
    return mayUse ? [] : [fault(where, `the role ${role} may not use the schema offtake, ${holding}`, sql)];
  });
}
