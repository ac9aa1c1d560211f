/**
 * Waits for the transactions that are open at the source. Rows of one that began before a table joined its publication are in no stream, and nobody sees
 * them before it commits: a look at the table while it is open finds the table empty, and it would count as whole.
 *
 * Source: PostgreSQL documentation, "System Information Functions", pg_current_xact_id, pg_current_snapshot.
 */
import type { ClientBase } from "pg";
import { interrupted } from "../../services/runtime/errors.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";

// An id of its own, since a snapshot's xmax leaves out those that began after the newest that has ended.
const openSql = "SELECT pg_current_xact_id()::text AS until";
const endedSql = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 AS ended";

/** Milliseconds between two looks. */
const lookEveryMs = 200;

/**
 * Those that write: one that has not written yet does it after this moment.
 *
 * @param patienceMs milliseconds that it waits
 * @param waiting told once, when there are any
 * @returns whether all have ended in time
 * @throws OfftakeError INTERRUPTED
 */
export async function openTransactionsEnded(source: ClientBase, patienceMs: number, signal: AbortSignal, waiting: () => void): Promise<boolean> {
  const { rows } = await source.query<{ until: string }>(openSql);
  const limit = performance.now() + patienceMs;
  for (let told = false; ; told = true) {
    const looked = await source.query<{ ended: boolean }>(endedSql, [rows[0]!.until]);
    if (looked.rows[0]!.ended) return true;
    if (performance.now() > limit) return false;
    if (!told) waiting();
    if ((await waitOrStop(lookEveryMs, signal)) === "stopped") throw interrupted("the transactions that are open at the source had ended");
  }
}
