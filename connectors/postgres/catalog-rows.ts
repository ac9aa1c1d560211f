/**
 * Whether tables hold any row.
 *
 * Rows that were there before replication began are not in the WAL that a slot hands out, and a target that never gets them looks healthy. The
 * planner's estimate cannot be used for it: it is 0 for a table that was filled a minute ago. One row is enough for the answer, so it is cheap
 * except where a table begins with millions of dead rows; the timeout bounds that.
 */
import type { ClientBase } from "pg";
import { quotedName, type TableName } from "../../services/runtime/table-pattern.ts";
import { inCatalogSnapshot } from "./catalog-session.ts";
import { readTableRows } from "./catalog-tables.ts";

/** Each query locks its tables and all their indexes until it ends: a thousand tables at once would fill the server's lock table. */
const tablesPerQuery = 50;

/**
 * Those of the tables that hold a row now: a partitioned table where a partition does, a parent by INHERITS where it does itself.
 *
 * @param client connected, not in a transaction; its role needs SELECT on the tables
 * @param names names that are no table are not in the answer
 */
export async function tablesWithRows(client: ClientBase, names: readonly TableName[]): Promise<TableName[]> {
  const asked = new Set(names.map(quotedName));
  const tables = (await readTableRows(client, names)).map(({ schema, name, relkind }) => ({ schema, table: name, relkind }));
  const wanted = tables.filter((table) => asked.has(quotedName(table)));
  const found: TableName[] = [];
  for (let at = 0; at < wanted.length; at += tablesPerQuery) {
    const batch = wanted.slice(at, at + tablesPerQuery);
    const parts = batch.map((table, place) => {
      const only = table.relkind === "p" ? "" : "ONLY ";
      return `SELECT ${place} AS place WHERE EXISTS (SELECT FROM ${only}${quotedName(table)})`;
    });
    const { rows } = await inCatalogSnapshot(client, [], async () => client.query<{ place: number }>(parts.join(" UNION ALL ")));
    const places = new Set(rows.map(({ place }) => place));
    for (const [place, { schema, table }] of batch.entries()) if (places.has(place)) found.push({ schema, table });
  }
  return found;
}
