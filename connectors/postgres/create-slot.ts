/**
 * Creates a connector's slot, and finds out in the very snapshot that its stream begins after which tables have rows that will never be in it.
 *
 * The server waits until every transaction that is open has ended, so a forgotten session at the monolith holds this up; nothing else waits for it.
 *
 * Source: PostgreSQL documentation, "Streaming Replication Protocol", CREATE_REPLICATION_SLOT, SNAPSHOT 'use'.
 */
import { escapeIdentifier } from "pg";
import type { ConnectorConfiguration } from "../../services/runtime/configuration.ts";
import { interrupted, OfftakeError } from "../../services/runtime/errors.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import { quotedName, type TableName } from "../../services/runtime/table-pattern.ts";
import { refuseWithoutFailover } from "./failover-slot.ts";
import { type Lsn, parseLsn } from "./lsn.ts";
import { backendPidOf, endSession, openSession, sessionError, sqlState } from "./session.ts";

export interface CreatedSlot {
  /** What commits after it is in the slot's stream. */
  readonly start: Lsn;
  /** Tables with rows from before. */
  readonly withRows: readonly TableName[];
}

/** Milliseconds that the server may wait for open transactions. */
const patience = 300_000;

/**
 * @param failover whether standbys synchronise it, so that it is there when one of them is promoted
 * @param signal ends the wait
 * @throws OfftakeError SOURCE_UNSUITABLE, SOURCE_REFUSED, SOURCE_UNREACHABLE, INTERRUPTED
 */
export async function createSlot(
  url: Secret,
  { slot, failover }: Pick<ConnectorConfiguration, "slot" | "failover">,
  tables: readonly TableName[],
  signal: AbortSignal,
): Promise<CreatedSlot> {
  const client = await openSession(url, { side: "source", applicationName: "offtake up", statementTimeoutMs: patience, replication: true });
  const over = new AbortController();
  const cancel = (): void => void cancelUntil(over.signal, url, backendPidOf(client)).catch(() => undefined);
  signal.addEventListener("abort", cancel, { once: true });
  try {
    if (signal.aborted) throw interrupted(`the slot ${slot} was created`);
    if (failover) await refuseWithoutFailover(client, slot);
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const { rows } = await client.query<{ consistent_point: string }>(
      `CREATE_REPLICATION_SLOT ${escapeIdentifier(slot)} LOGICAL pgoutput (SNAPSHOT 'use'${failover ? ", FAILOVER true" : ""})`,
    );
    const withRows: TableName[] = [];
    for (const table of tables) {
      const name = quotedName(table);
      const { rows: found } = await client.query<{ some: string }>(`SELECT EXISTS (SELECT 1 FROM ${name}) AS some`);
      // The replication connection gives text: t or f.
      if (String(found[0]?.some).startsWith("t")) withRows.push(table);
    }
    await client.query("COMMIT");
    return { start: parseLsn(rows[0]!.consistent_point), withRows };
  } catch (error) {
    if (signal.aborted && sqlState(error) === "57014") throw interrupted(`the slot ${slot} was created`);
    throw slotRefused(error, slot) ?? sessionError(error, "source", url);
  } finally {
    signal.removeEventListener("abort", cancel);
    over.abort();
    await endSession(client);
  }
}

/**
 * A server that waits for transactions does not notice that its client has gone: it would go on, and make a slot that nobody knows of. Cancelled until
 * it has ended, since a cancel that comes between two statements is lost.
 */
async function cancelUntil(over: AbortSignal, url: Secret, pid: number): Promise<void> {
  const client = await openSession(url, { side: "source", applicationName: "offtake up", statementTimeoutMs: 5000 });
  try {
    do await client.query("SELECT pg_cancel_backend($1)", [pid]);
    while ((await waitOrStop(100, over)) === "elapsed");
  } finally {
    await endSession(client);
  }
}

function slotRefused(error: unknown, slot: string): OfftakeError | undefined {
  const state = sqlState(error);
  const why = error instanceof Error ? error.message : String(error);
  if (state === "57014")
    return new OfftakeError(
      "SOURCE_UNSUITABLE",
      `The slot ${slot} was not created within ${patience / 60_000} minutes: the source waits for transactions that are open.`,
      {
        cause: error,
        cure: "SELECT pid, xact_start, query FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY xact_start; end the oldest and run `offtake up` again.",
      },
    );
  if (state === "53400" || state === "53000" || /max_replication_slots/.test(why))
    return new OfftakeError("SOURCE_UNSUITABLE", `The slot ${slot} was not created: ${why}.`, {
      cause: error,
      cure: "Raise max_replication_slots at the source, which needs a restart; `offtake check` has the ALTER SYSTEM.",
    });
  if (/wal_level/.test(why))
    return new OfftakeError("SOURCE_UNSUITABLE", `The slot ${slot} was not created: ${why}.`, {
      cause: error,
      cure: "ALTER SYSTEM SET wal_level = 'logical'; and restart the source.",
    });
  return undefined;
}
