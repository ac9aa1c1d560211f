/**
 * What tables have besides columns, constraints and indexes: triggers, rules, row security policies, extended statistics.
 *
 * None of it is created at a target, and each of it may be what an application relies on. So it is listed by name.
 *
 * Source: PostgreSQL documentation, pg_trigger, pg_rewrite, pg_policy, pg_statistic_ext.
 */
import type { ClientBase } from "pg";
import type { CatalogTable } from "./catalog-model.ts";

export interface OtherRow {
  table: number;
  kind: CatalogTable["others"][number]["kind"];
  name: string;
}

const sql = `
SELECT * FROM (
    SELECT tgrelid AS table, 'trigger' AS kind, tgname AS name FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0
  UNION ALL
    SELECT ev_class, 'rule', rulename FROM pg_rewrite
  UNION ALL
    SELECT polrelid, 'policy', polname FROM pg_policy
  UNION ALL
    SELECT stxrelid, 'statistics', stxname FROM pg_statistic_ext
) AS other
WHERE other.table = ANY($1::oid[])
ORDER BY 1, 2, 3`;

export async function readOtherRows(client: ClientBase, tables: readonly number[]): Promise<OtherRow[]> {
  const { rows } = await client.query<OtherRow>(sql, [tables]);
  return rows;
}
