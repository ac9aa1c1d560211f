/**
 * Waits for the first rows at the services' databases, by looking there.
 */
import pg, { type Client } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import type { TableName } from "../../services/runtime/table-pattern.ts";

const everyMs = 10;
const limitMs = 60_000;

/**
 * Waits until every table has a row.
 *
 * @param tables of each service
 * @param first is told where the first row was seen, such as `users of api-gateway`, at that moment
 * @throws OfftakeError DEMO_FAILED with the tables that have none after a minute
 */
export async function untilRows(
  targets: ReadonlyMap<string, Client>,
  tables: ReadonlyMap<string, readonly TableName[]>,
  first: (where: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const limit = Date.now() + limitMs;
  let seen = false;
  do {
    const empty: string[] = [];
    for (const [service, client] of targets) {
      for (const [table, there] of await rowsIn(client, tables.get(service) ?? [])) {
        const where = `${table} of ${service}`;
        if (!there) empty.push(where);
        else if (!seen) {
          seen = true;
          first(where);
        }
      }
    }
    if (empty.length === 0) return;
    if (Date.now() > limit) throw new OfftakeError("DEMO_FAILED", `No row has arrived after ${limitMs / 1000} s: ${empty.join(", ")}.`);
  } while ((await waitOrStop(everyMs, signal)) === "elapsed");
}

async function rowsIn(client: Client, tables: readonly TableName[]): Promise<[table: string, there: boolean][]> {
  const exist = tables.map(
    ({ schema, table }) => `EXISTS (SELECT FROM ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}) AS ${pg.escapeIdentifier(table)}`,
  );
  const { rows } = await client.query<Record<string, boolean>>(`SELECT ${exist.join(", ")}`);
  return Object.entries(rows[0] ?? {});
}
