/**
 * What `offtake check` asks of the monolith's tables: whether their changes can be published, and whether the role may read them.
 *
 * Source: PostgreSQL documentation, "ALTER TABLE", REPLICA IDENTITY; "Logical Replication", Security.
 */
import { escapeIdentifier, type Client } from "pg";
import type { TableName } from "../runtime/table-pattern.ts";
import { fault, type Finding } from "./finding.ts";

const tablesSql = `
  SELECT n.nspname AS schema, c.relname AS table, c.relreplident AS identity, c.relpersistence = 'u' AS unlogged, current_user AS role,
         has_schema_privilege(n.oid, 'USAGE') AS schema_usable, has_table_privilege(c.oid, 'SELECT') AS readable,
         EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate) AS keyed,
         EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisreplident) AS indexed
    FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
   ORDER BY 1, 2`;

interface TableRow extends TableName {
  identity: string;
  unlogged: boolean;
  role: string;
  schema_usable: boolean;
  readable: boolean;
  keyed: boolean;
  indexed: boolean;
}

export async function checkSourceTables(source: Client, where: string, tables: readonly TableName[]): Promise<Finding[]> {
  const { rows } = await source.query<TableRow>(tablesSql, [tables.map((table) => table.schema), tables.map((table) => table.table)]);
  return rows.flatMap((row): Finding[] => [...identityFaults(where, row), ...rightFaults(where, row)]);
}

/** Whether updates and deletes of it can be published. */
function identityFaults(where: string, { schema, table, identity, unlogged, keyed, indexed }: TableRow): Finding[] {
  const name = `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
  const shown = `the table ${schema}.${table}`;
  if (unlogged) return [fault(where, `${shown} is unlogged: its changes are not in the WAL`, `ALTER TABLE ${name} SET LOGGED;`)];
  const whole = `ALTER TABLE ${name} REPLICA IDENTITY FULL; -- or better, give it a primary key`;
  if (identity === "n")
    return [
      fault(
        where,
        `${shown} has REPLICA IDENTITY NOTHING: updates and deletes cannot be published`,
        keyed ? `ALTER TABLE ${name} REPLICA IDENTITY DEFAULT;` : whole,
      ),
    ];
  if (identity === "d" && !keyed)
    return [
      fault(
        where,
        `${shown} has no primary key and no other identity: once it is published, the monolith itself refuses to update or delete its rows`,
        whole,
      ),
    ];
  if (identity === "i" && !indexed) return [fault(where, `${shown} has lost the index of its REPLICA IDENTITY`, whole)];
  return [];
}

/** Whether `offtake up` can find out if it has rows from before. */
function rightFaults(where: string, { schema, table, role, schema_usable: usable, readable }: TableRow): Finding[] {
  if (usable && readable) return [];
  const to = escapeIdentifier(role);
  const sql = [
    ...(usable ? [] : [`GRANT USAGE ON SCHEMA ${escapeIdentifier(schema)} TO ${to};`]),
    ...(readable ? [] : [`GRANT SELECT ON ${escapeIdentifier(schema)}.${escapeIdentifier(table)} TO ${to};`]),
  ];
  return [fault(where, `the role ${role} may not read the table ${schema}.${table}`, sql.join(" "))];
}
