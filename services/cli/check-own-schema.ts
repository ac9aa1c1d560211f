/**
 * What `offtake check` asks of Offtake's own schema in a target or the control database: whether the role may use it. `up` may have been run by another role than the one that
 * applies, and that one would be refused with its first transaction.
 *
 * Source: PostgreSQL documentation, "Privileges".
 */
import { escapeIdentifier, type ClientBase } from "pg";
import { fault, type Finding } from "./finding.ts";

const rightsSql = `
  SELECT current_user AS role,
         has_schema_privilege(n.oid, 'USAGE')
     AND coalesce((SELECT bool_and(has_table_privilege(c.oid, p))
                     FROM pg_catalog.pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p
                    WHERE c.relnamespace = n.oid AND c.relkind = 'r'), true) AS may_use
    FROM pg_catalog.pg_namespace n
   WHERE n.nspname = 'offtake'`;

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
