/** A copy that is in the topic is not at the target yet, and its table stays marked until it is. Who took that for one that nobody had copied ordered it again, and the target waited twice. Pure. */
import type { ShownCopy, ShownService } from "./shown-status.ts";

/** @param mark why rows of its table are missing at the target; null where none are. One that was marked anew since has another reason, and is copied again */
export function isOnItsWay({ state, reason }: Pick<ShownCopy, "state" | "reason">, mark: string | null): boolean {
  return state === "copied" && reason === mark;
}

/** @returns as schema.table */
export function tablesOnTheirWay({ needsCopy, copies }: Pick<ShownService, "needsCopy" | "copies">): string[] {
  return needsCopy.filter(({ table, reason }) => copies.some((copy) => copy.table === table && isOnItsWay(copy, reason))).map(({ table }) => table);
}
