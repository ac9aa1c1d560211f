/**
 * A read of one table: a transaction that sees one moment of it, and is over when the read is. The table is locked before the snapshot is taken: TRUNCATE is not
 * MVCC-safe, and a snapshot from before it would find no rows in a table that had them.
 *
 * Source: PostgreSQL documentation, "Transaction Isolation", "Caveats"; "Explicit Locking".
 */
import type { Client } from "pg";
import { sqlState } from "../../connectors/postgres/session.ts";
import { inTransaction } from "../../connectors/postgres/transaction-scope.ts";
import type { SideTable } from "./compared-table.ts";

/** Beside the canonical ones: nothing is written, ranges are walked by their index, and the read takes no more than one process of the server. */
export const readingSettings: Readonly<Record<string, string>> = {
  default_transaction_read_only: "on",
  enable_seqscan: "off",
  max_parallel_workers_per_gather: "0",
  jit: "off",
  lock_timeout: "2000",
};

/** SQLSTATEs of a lock that somebody else has, of a statement that took too long, and of a deadlock. */
const busyStates = ["55P03", "57014", "40P01"];

/** Whether a read that has failed may succeed a moment later. */
export function isBusy(error: unknown): boolean {
  return busyStates.includes(sqlState(error) ?? "");
}

/** What the statements of `work` read is of one moment. */
export async function inSnapshot<T>(client: Client, table: SideTable, work: (client: Client) => Promise<T>): Promise<T> {
  const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE ${table.name} IN ACCESS SHARE MODE`;
  return inTransaction(client, begin, async () => work(client));
}
