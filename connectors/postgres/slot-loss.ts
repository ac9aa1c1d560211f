/**
 * Whether a slot still leads on from where the topic ends, and what it means where it does not. Changes between the two are in no stream: whoever took such a
 * slot for a healthy one would publish behind the gap, and nothing downstream could see it.
 *
 * Pure. Source: ARCHITECTURE.md, "Connector"; PostgreSQL documentation, "pg_replication_slots", wal_status.
 */
import { formatLsn, type Lsn } from "./lsn.ts";
import type { Slot } from "./slot.ts";
import { isBeyond, type Tail } from "./start-checks.ts";

export interface SlotLoss {
  readonly word: "missing" | "lost" | "moved";
  /** What was committed behind this is not in the topic. */
  readonly after: Lsn;
  /** What the slot gives again begins here; undefined where it gives nothing. */
  readonly until: Lsn | undefined;
  /** Why, as part of a sentence. */
  readonly why: string;
}

/**
 * @param slot undefined when the server has none of that name
 * @param tail of the topic; undefined for one that has nothing of ours
 * @returns undefined where nothing is missing, or nothing was ever opened
 */
export function slotLoss(slot: Slot | undefined, tail: Tail | undefined): SlotLoss | undefined {
  if (tail === undefined || tail.commitLsn === 0n) return undefined;
  const after = tail.commitLsn;
  if (slot === undefined) return { word: "missing", after, until: undefined, why: "the slot does not exist any more" };
  if (slot.walStatus === "lost") {
    const reason = slot.invalidationReason === "" ? "" : ` (${slot.invalidationReason})`;
    return { word: "lost", after, until: undefined, why: `WAL that the slot needed is gone${reason}` };
  }
  if (!isBeyond(slot, tail)) return undefined;
  return { word: "moved", after, until: slot.confirmedFlush, why: "the slot was made again or moved, or the topic has lost its end" };
}

/** What is missing, and the one command that mends it. */
export function lossText({ why, after, until }: SlotLoss, connector: string): string {
  const gap = until === undefined ? `after ${formatLsn(after)}` : `between ${formatLsn(after)} and ${formatLsn(until)}`;
  return `${why}: what was committed ${gap} is missing from the topic; mend it with: ${recoverCommand(connector)}`;
}

/** @param connector its name in offtake.yaml, which has no blanks or quotes in it */
export function recoverCommand(connector: string): string {
  return `offtake up --recover ${connector}`;
}
