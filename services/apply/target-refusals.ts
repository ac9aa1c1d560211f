/**
 * What a batch that was refused may still come to. Taken for the end of it, a row that was there already stops a service; taken for worth another try, an error
 * that is not about rows is tried for ever.
 *
 * Pure.
 */
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { NotMergeable } from "./not-mergeable.ts";
import { sqlState } from "../../connectors/postgres/session.ts";
import { Change, type ChangeLog } from "./change-log.ts";
import { eventRefused, isTaken, verdictOf } from "./target-error.ts";
import type { TransactionEnd } from "./transaction-ends.ts";

/** Merging was not possible, or what was merged met a row or a table that it should not have met: applied one by one, it shows which. */
export function isWorthOrder(error: unknown): boolean {
  return error instanceof NotMergeable || ["event", "changed"].includes(verdictOf(error));
}

export function isOfTable(error: unknown): boolean {
  return (
    error instanceof OfftakeError &&
    ["TARGET_TABLE_MISSING", "TARGET_TABLE_UNSUITABLE", "TARGET_COLUMN_MISSING", "TARGET_COLUMN_OUTDATED"].includes(error.code)
  );
}

/**
 * A row that a copy or a repair has read met another one with a unique value of its own. Both may have been read: where two rows have swapped a value at the monolith, neither can be
 * written before the other.
 */
export function isWorthRenewing(error: unknown, log: ChangeLog, from: number, to: number): boolean {
  return error instanceof OfftakeError && isTaken(sqlState(error.cause)) && log.op.subarray(from, to).includes(Change.read);
}

export function tablesChanged(): OfftakeError {
  return new OfftakeError("TARGET_BUSY", "Tables of the target were altered while a batch was applied.", {
    cure: "Nothing of it was applied; it is tried again.",
  });
}

export function positionMoved(service: string): OfftakeError {
  return new OfftakeError("APPLIED_POSITION_MOVED", `The applied position of ${service} is not what this applier wrote last.`, {
    cure: "The target was restored, or failed over, or another applier writes: the position is read again.",
  });
}

/** Deferred constraints speak only at the commit, and cannot say which event they mean: the transaction is named instead. */
export async function naming({ commitLsn, offset }: TransactionEnd, done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (verdictOf(error) !== "event") throw error;
    throw eventRefused(`the commit of the transaction ${formatLsn(commitLsn)}, which ends before offset ${offset}`, error);
  }
}
