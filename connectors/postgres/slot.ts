/**
 * A connector's replication slot, as the server shows it.
 *
 * Source: PostgreSQL documentation, "pg_replication_slots", "Replication Management Functions".
 */
import type { ClientBase } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { type Lsn, parseLsn } from "./lsn.ts";

export interface Slot {
  readonly name: string;
  readonly plugin: string;
  readonly database: string;
  readonly active: boolean;
  /** The backend that reads it. */
  readonly activePid: number | undefined;
  readonly confirmedFlush: Lsn;
  /** WAL from here on is kept for it. Undefined for a slot that is lost. */
  readonly restart: Lsn | undefined;
  /** reserved, extended, unreserved, lost. */
  readonly walStatus: string;
  /** Bytes that can still be written before the slot is lost; undefined where the server sets no limit. */
  readonly safeWalSize: number | undefined;
  /** Bytes of WAL that the server keeps for it. */
  readonly retainedBytes: number;
  /** Bytes between what is confirmed and the head of the WAL. */
  readonly lagBytes: number;
  /** Why the server gave it up (PostgreSQL 17 and later); empty otherwise. */
  readonly invalidationReason: string;
  /** Whether standbys synchronise it (PostgreSQL 17 and later). */
  readonly failover: boolean;
  /** Whether the server waits, just now, for a standby of synchronized_standby_slots before it sends more (PostgreSQL 17 and later). */
  readonly heldBack: boolean;
}

// to_jsonb: invalidation_reason and failover came with 17, and a row that lacks a column is not an error this way. On a standby the head is what was replayed.
const readSql = `
  SELECT s.slot_name, s.plugin, s.database, s.active, s.active_pid, s.confirmed_flush_lsn::text, s.restart_lsn::text, s.wal_status,
         s.safe_wal_size, to_jsonb(s) ->> 'invalidation_reason' AS invalidation_reason,
         coalesce((to_jsonb(s) ->> 'failover')::boolean, false) AS failover,
         EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = s.active_pid AND a.wait_event = 'WaitForStandbyConfirmation') AS held_back,
         pg_wal_lsn_diff(head.lsn, s.restart_lsn)::float8 AS retained_bytes,
         pg_wal_lsn_diff(head.lsn, s.confirmed_flush_lsn)::float8 AS lag_bytes
    FROM pg_catalog.pg_replication_slots s,
         (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END) AS head(lsn)
   WHERE s.slot_name = $1`;

interface Row {
  slot_name: string;
  plugin: string | null;
  database: string | null;
  active: boolean;
  active_pid: number | null;
  confirmed_flush_lsn: string | null;
  restart_lsn: string | null;
  wal_status: string | null;
  safe_wal_size: string | null;
  invalidation_reason: string | null;
  failover: boolean;
  held_back: boolean;
  retained_bytes: number | null;
  lag_bytes: number | null;
}

/** @returns undefined when there is no slot of that name */
export async function readSlot(client: ClientBase, name: string): Promise<Slot | undefined> {
  const { rows } = await client.query<Row>(readSql, [name]);
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    name: row.slot_name,
    plugin: row.plugin ?? "",
    database: row.database ?? "",
    active: row.active,
    activePid: row.active_pid ?? undefined,
    confirmedFlush: row.confirmed_flush_lsn === null ? 0n : parseLsn(row.confirmed_flush_lsn),
    restart: row.restart_lsn === null ? undefined : parseLsn(row.restart_lsn),
    walStatus: row.wal_status ?? "lost",
    safeWalSize: row.safe_wal_size === null ? undefined : Number(row.safe_wal_size),
    retainedBytes: Math.max(row.retained_bytes ?? 0, 0),
    lagBytes: Math.max(row.lag_bytes ?? 0, 0),
    invalidationReason: row.invalidation_reason ?? "",
    failover: row.failover,
    heldBack: row.held_back,
  };
}

/** @throws OfftakeError SLOT_UNSUITABLE for one that is not for pgoutput and the session's database */
export async function refuseForeignSlot(client: ClientBase, slot: Slot): Promise<void> {
  const { rows } = await client.query<{ name: string }>("SELECT current_database() AS name");
  refuseUnsuitable(slot, rows[0]!.name);
}

function refuseUnsuitable(slot: Slot, database: string): void {
  if (slot.plugin === "pgoutput" && slot.database === database) return;
  throw new OfftakeError(
    "SLOT_UNSUITABLE",
    `The slot ${slot.name} is for ${slot.plugin || "physical replication"} in the database ${slot.database || "(none)"}, not for pgoutput in ${database}.`,
    { cure: "Choose another name in the connector's `slot`." },
  );
}

/** @throws OfftakeError SLOT_LOST */
export function refuseLost({ name, walStatus, invalidationReason }: Slot): void {
  if (walStatus !== "lost") return;
  const why = invalidationReason === "" ? "" : ` (${invalidationReason})`;
  throw new OfftakeError("SLOT_LOST", `The slot ${name} can no longer be read: WAL that it needed is gone${why}.`, {
    cure: "Raise max_slot_wal_keep_size.",
  });
}

/** @throws OfftakeError SLOT_MISSING, SLOT_LOST, SLOT_UNSUITABLE for one that cannot be read for a connector of this database */
export async function usableSlot(client: ClientBase, name: string, database: string): Promise<Slot> {
  const slot = await readSlot(client, name);
  if (slot === undefined)
    throw new OfftakeError("SLOT_MISSING", `The slot ${name} does not exist at the source.`, {
      cure: "If it never did, `offtake up` creates it. If it was dropped, the WAL since then is gone.",
    });
  refuseUnsuitable(slot, database);
  refuseLost(slot);
  return slot;
}
