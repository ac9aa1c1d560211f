/**
 * One connection of the load: runs its plan, at full speed or at a steady rate, and counts what was committed.
 *
 * Statements of a transaction leave together and are answered together, as a busy application's do. Each answer says how many rows it has
 * changed; when that is not what the plan says, its count of row changes is wrong, and the load ends rather than go on with a false count.
 */
import type { Client } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import type { LoadTransaction, Step } from "./load-transaction.ts";

/** What was committed. */
export interface Ledger {
  transactions: number;
  changes: number;
  /** Those of the changes that change a primary key: two events each. */
  keyChanges: number;
}

/**
 * Ends with the plan or, between two transactions, with the signal.
 *
 * @param client a pipelining session with the monolith
 * @param changesPerSecond undefined for full speed
 */
export async function runPlan(
  client: Client,
  plan: Iterable<LoadTransaction>,
  ledger: Ledger,
  changesPerSecond: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const began = performance.now();
  let done = 0;
  for (const transaction of plan) {
    if (changesPerSecond !== undefined) {
      const early = (done / changesPerSecond) * 1000 - (performance.now() - began);
      if (early > 0) await waitOrStop(early, signal);
    }
    if (signal.aborted) return;
    await runTransaction(client, transaction);
    done += transaction.changes;
    ledger.changes += transaction.changes;
    ledger.keyChanges += transaction.keyChanges;
    if (transaction.changes > 0) ledger.transactions += 1;
  }
}

/** @throws the first error of its statements, OfftakeError INTERNAL when one of them changed other rows than planned */
async function runTransaction(client: Client, { steps, commits }: LoadTransaction): Promise<void> {
  const answers = [client.query("BEGIN"), ...steps.map(async (step) => send(client, step)), client.query(commits ? "COMMIT" : "ROLLBACK")];
  const settled = await Promise.allSettled(answers);
  const failed = settled.find((answer) => answer.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

async function send(client: Client, { sql, values, rows }: Step): Promise<void> {
  if (rows === undefined) {
    await client.query(sql);
    return;
  }
  const { rowCount } = await client.query({ name: nameOf(sql), text: sql, values: [...values] });
  // TRUNCATE answers with no count.
  if ((rowCount ?? 0) !== rows)
    throw new OfftakeError("INTERNAL", `A statement of the load changed ${rowCount} rows instead of ${rows}: ${sql.trim()}`);
}

/** Prepared statements, by their text. */
const names = new Map<string, string>();

function nameOf(sql: string): string {
  const name = names.get(sql) ?? `load ${names.size}`;
  names.set(sql, name);
  return name;
}
