/**
 * Which marks of `offtake.needs_copy` a connector copies without being asked: tables that held rows before their stream, where all that is missing at the target
 * are those rows. Where the target may have rows that the source has not, or differing ones, somebody has to look first: a copy never deletes, and takes the mark
 * away that says so.
 *
 * Source: ARCHITECTURE.md, "Snapshot".
 */
import type { NeedsCopy } from "../../services/apply/needs-copy.ts";

/** Why a table is marked that was not copied yet, as `up` and the list of captured tables say it. */
export const olderRows = {
  up: "rows from before `offtake up`",
  publication: "joined the publication after the slot was created",
  tables: "joined the service's tables later",
} as const;

const reasons: readonly string[] = Object.values(olderRows);

/** Pure. @returns by schema.table, why */
export function copiedByItself(marks: readonly NeedsCopy[]): ReadonlyMap<string, string> {
  return new Map(marks.filter(({ reason }) => reasons.includes(reason)).map(({ table, reason }) => [table, reason]));
}
