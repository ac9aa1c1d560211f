/**
 * A batch on its way to the target: whole source transactions, or a piece of one that is too large for memory.
 */
import type { CopiedMessage, RecoveredGap } from "../../schemas/offtake-message.ts";
import { ChangeLog } from "./change-log.ts";
import { type TransactionEnd, TransactionEnds } from "./transaction-ends.ts";

/** What becomes of marks of tables with the last transaction of a batch. */
export interface MarkChanges {
  /** The copies that end with it. */
  readonly copied: readonly CopiedMessage[];
  /** The gaps that it passes: one at most. */
  readonly gaps: readonly RecoveredGap[];
}

export class Batch implements MarkChanges {
  readonly log: ChangeLog;
  readonly transactions: TransactionEnds;
  /** Events, messages included. */
  events = 0;
  /** Pieces of copies among the transactions. */
  pieces = 0;
  readonly copied: CopiedMessage[] = [];
  readonly gaps: RecoveredGap[] = [];

  constructor(log: ChangeLog = new ChangeLog(), transactions: TransactionEnds = new TransactionEnds()) {
    this.log = log;
    this.transactions = transactions;
  }

  /** Empties it, to be filled again. */
  clear(): void {
    this.log.clear();
    this.transactions.clear();
    this.events = 0;
    this.pieces = 0;
    this.copied.length = 0;
    this.gaps.length = 0;
  }
}

export const noMarks: MarkChanges = { copied: [], gaps: [] };

/** Some transactions of a batch: their changes from the first on, the end of the last, and what becomes of marks with it. */
export interface Part {
  readonly from: number;
  readonly end: TransactionEnd;
  readonly marks: MarkChanges;
}

/** @param first with `last`, transactions by their place in the batch */
export function partOf(batch: Batch, first: number, last: number): Part {
  const { transactions } = batch;
  return {
    from: first === 0 ? 0 : transactions.at(first - 1).changes,
    end: transactions.at(last),
    marks: last === transactions.length - 1 ? batch : noMarks,
  };
}
