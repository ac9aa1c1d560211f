/**
 * Whether tables hold any row.
 *
 * Rows that were there before replication began are not in the WAL that a slot hands out, and a target that never gets them looks healthy. The
 * planner's estimate cannot be used for it: it is 0 for a table that was filled a minute ago. One row is enough for the answer, so it is cheap
 * except where a table begins with millions of dead rows; the timeout bounds that.
 */
import { escapeIdentifier, type ClientBase } from "pg";
import { catalogSettings } from "./catalog-session.ts";
import type { CatalogTable } from "./catalog-model.ts";

/** Each query locks its tables and all their indexes until it ends: a thousand tables at once would fill the server's lock table. */
const tablesPerQuery = 50;

/**
 * The OIDs of the tables that hold a row now. Needs SELECT on them. A parent counts only its own rows, a partitioned table those of its partitions.
 *
 * @param client connected, not in a transaction
 */
export async function tablesWithRows(client: ClientBase, tables: readonly CatalogTable[]): Promise<Set<number>> {
  const found = new Set<number>();
  for (let at = 0; at < tables.length; at += tablesPerQuery) {
    const parts = tables.slice(at, at + tablesPerQuery).map(({ oid, schema, name, kind }) => {
      const only = kind === "partitioned" ? "" : "ONLY ";
      return `SELECT ${oid}::oid AS oid WHERE EXISTS (SELECT FROM ${only}${escapeIdentifier(schema)}.${escapeIdentifier(name)})`;
    });
    await client.query(`BEGIN READ ONLY; ${catalogSettings([])}`);
    try {
      const { rows } = await client.query<{ oid: number }>(parts.join(" UNION ALL "));
      for (const { oid } of rows) found.add(oid);
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    }
  }
  return found;
}
