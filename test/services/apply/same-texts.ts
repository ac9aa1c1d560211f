/**
 * Whether two databases print the same rows, column for column: PostgreSQL's own text is the judge, under the same settings on both sides.
 */
import type { Client } from "pg";
import { parseLsn } from "../../../connectors/postgres/lsn.ts";
import { canonicalSettings } from "../../../connectors/postgres/session.ts";
import { readPosition } from "../../../services/apply/position.ts";
import type { Pipeline } from "../../support/pipeline.ts";
import type { RunningUnit } from "../../support/running-unit.ts";
import { waitFor } from "../../support/wait-for.ts";

const settings = JSON.stringify({ ...canonicalSettings, search_path: "public, pg_catalog" });

/**
 * Every row of these tables as one text, at one moment.
 *
 * @param tables each with what orders its rows; rows that are equal in it come in the order of their texts
 */
export async function stateOf(client: Client, tables: Readonly<Record<string, string>>): Promise<Record<string, string[]>> {
  const state: Record<string, string[]> = {};
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  try {
    await client.query("SELECT set_config(key, value, true) FROM jsonb_each_text($1::jsonb)", [settings]);
    for (const [table, order] of Object.entries(tables)) {
      const { rows } = await client.query<{ row: string }>(`SELECT (t.*)::text AS row FROM ${table} AS t ORDER BY ${order}, (t.*)::text COLLATE "C"`);
      state[table] = rows.map(({ row }) => row);
    }
    return state;
  } finally {
    await client.query("COMMIT");
  }
}

/**
 * Waits until everything that is committed at the monolith now is applied.
 *
 * @param units what has to do it: waiting ends with what one of them ends with
 * @param timeout milliseconds
 */
export async function caughtUp(
  { source, target, connector }: Pick<Pipeline, "source" | "target" | "connector">,
  units: readonly RunningUnit[] = [],
  timeout = 60_000,
): Promise<void> {
  const { rows } = await source.query<{ lsn: string }>(
    `SELECT pg_logical_emit_message(true, 'offtake', '{"kind": "heartbeat", "at": 0}')::text AS lsn`,
  );
  // The message's own: its commit comes behind it.
  const lsn = parseLsn(rows[0]!.lsn);
  const applied = waitFor(async () => ((await readPosition(target, connector.name))?.commitLsn ?? 0n) >= lsn, {
    what: "the target to have everything",
    timeout,
  });
  const ends = units.map(async ({ ended }) => {
    throw (await ended) ?? new Error("a unit has ended");
  });
  await Promise.race([applied, ...ends]);
}
