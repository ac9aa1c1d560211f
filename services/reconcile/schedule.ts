/**
 * When a table is to be compared again. From the end of the pass before, so that one that takes longer than it may is followed by a pause and not by the next one; and from the history,
 * so that a process that is started again goes on where the one before stopped.
 *
 * Pure.
 */

/** Of the interval, by which a table's passes are earlier or later than said: tables of one interval would all be compared at once for ever. */
const jitter = 0.1;

/**
 * @param everyMs between the end of a pass and the next one
 * @param finishedAt when the newest pass was over, in milliseconds; undefined for a table that was never compared
 * @param chance from 0 to 1, one for each table
 * @returns milliseconds until it is due; 0 for now
 */
export function dueIn(everyMs: number, finishedAt: number | undefined, chance: number, now: number): number {
  if (finishedAt === undefined) return 0;
  const shifted = everyMs * (1 + jitter * (2 * chance - 1));
  // A clock that was set back must not put it off for longer than once.
  return Math.max(Math.min(finishedAt + shifted - now, shifted), 0);
}

export interface Due<T> {
  readonly item: T;
  readonly inMs: number;
}

/** The one that is due first; of several that are due, the one that has waited longest comes first by their order. */
export function firstDue<T>(items: readonly Due<T>[]): Due<T> | undefined {
  return items.reduce<Due<T> | undefined>((first, each) => (first === undefined || each.inMs < first.inMs ? each : first), undefined);
}
