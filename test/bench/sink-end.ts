/**
 * Debezium's JDBC sink, seen from its target.
 *
 * It writes the deletes of a batch behind all its other rows, also behind younger ones: a table that is looked at when the last row is there has rows that
 * were deleted long before.
 */
import type { Client } from "pg";
import { until } from "./measure.ts";
import { cpuSeconds } from "./process-figures.ts";

/** As its sessions are called. */
export const sinkSession = "bench sink";

/** Longer than the sink takes for a batch: a table that has not its count by then will not get it. */
const settleMs = 60_000;

/** Whether the row that was written last is there. */
export async function hasLastRow(target: Client): Promise<boolean> {
  return ((await target.query("SELECT FROM bench WHERE id = -1")).rowCount ?? 0) > 0;
}

/** Returns when the table has so many rows, as the source's has, or will not have. */
export async function untilSettled(target: Client, expected: number): Promise<void> {
  const limit = performance.now() + settleMs;
  await until("the sink has written its deletes", async () => {
    const { rows } = await target.query<{ n: string }>("SELECT count(*) AS n FROM bench");
    return Number(rows[0]!.n) === expected || performance.now() > limit;
  });
}

/** The session that writes: of the sink's pool the one that has worked most. @returns 0 as long as there is none */
export async function sinkBackend(target: Client): Promise<number> {
  const { rows } = await target.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()",
    [sinkSession],
  );
  return rows.map(({ pid }) => ({ pid, cpu: cpuSeconds(pid) })).toSorted((a, b) => b.cpu - a.cpu)[0]?.pid ?? 0;
}
