/**
 * Says how a slot is, in one word and a reason. A slot that nobody reads keeps WAL until the monolith's disk is full, or until the server gives
 * it up and every table behind it has to be copied again: both are announced long before.
 *
 * Pure. Source: PostgreSQL documentation, "pg_replication_slots", wal_status; max_slot_wal_keep_size.
 */
import type { Slot } from "./slot.ts";

export type SlotWord = "ok" | "inactive" | "retaining" | "over-budget" | "unreserved" | "held" | "lost" | "missing";

export interface SlotHealth {
  readonly word: SlotWord;
  /** Empty for ok. */
  readonly reason: string;
  /** Whether somebody has to be woken. */
  readonly page: boolean;
}

/** Shares of maxRetainedWal at which a ticket is due, and a page. */
const warnAt = 0.5;
const pageAt = 0.8;

/**
 * @param slot undefined when the server has none of that name
 * @param maxRetainedWalBytes the budget of the configuration
 * @param before the same slot some seconds ago, where it is known: the server always waits a moment for its standbys
 */
export function slotHealth(slot: Slot | undefined, maxRetainedWalBytes: number, before?: Slot): SlotHealth {
  if (slot === undefined) return { word: "missing", reason: "the slot does not exist", page: true };
  if (slot.walStatus === "lost") {
    const why = slot.invalidationReason === "" ? "" : ` (${slot.invalidationReason})`;
    return { word: "lost", reason: `WAL that the slot needed is gone${why}: its tables have to be copied again`, page: true };
  }
  const retained = `${mebibytes(slot.retainedBytes)} of WAL kept, budget ${mebibytes(maxRetainedWalBytes)}`;
  if (slot.walStatus === "unreserved")
    return { word: "unreserved", reason: `the server may remove its WAL at the next checkpoint; ${retained}`, page: true };
  if (before?.heldBack === true && slot.heldBack && before.confirmedFlush === slot.confirmedFlush)
    return {
      word: "held",
      reason: `the server sends nothing more before the standbys of synchronized_standby_slots have it: start them, or take them out of that setting; ${retained}`,
      page: true,
    };
  const share = slot.retainedBytes / maxRetainedWalBytes;
  if (share >= pageAt) return { word: "over-budget", reason: retained, page: true };
  if (share >= warnAt) return { word: "retaining", reason: retained, page: false };
  if (!slot.active) return { word: "inactive", reason: `no connector reads it; ${retained}`, page: false };
  return { word: "ok", reason: "", page: false };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MiB`;
}
