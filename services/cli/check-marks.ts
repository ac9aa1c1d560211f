/**
 * What `offtake check` says of tables that are marked as not copied: they look whole at the target and are not.
 */
import type { ClientBase } from "pg";
import { copyCure } from "../../connectors/postgres/copy-cure.ts";
import { readMarks } from "../apply/needs-copy.ts";
import { type Finding, warning } from "./finding.ts";

const readableSql = `
  SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'offtake' AND c.relname = 'needs_copy'`;

export async function checkMarks(target: ClientBase, where: string, service: string, connector: string): Promise<Finding[]> {
  const { rows } = await target.query<{ readable: boolean }>(readableSql);
  if (rows[0]?.readable !== true) return [];
  return (await readMarks(target, connector)).map((mark) =>
    warning(where, `the table ${mark.table} has to be copied: ${mark.reason}`, copyCure({ service, connector }, mark)),
  );
}
