/** Mismatches of one table together, as they are repaired together. Pure. */
import type { Mismatch } from "./api-answers.ts";

export interface TableMismatches {
  readonly service: string;
  readonly table: string;
  readonly mismatches: readonly Mismatch[];
}

/** @returns the table with most of them first */
export function tablesOf(mismatches: readonly Mismatch[]): TableMismatches[] {
  const grouped = Map.groupBy(mismatches, ({ service, table }) => `${service} ${table}`);
  return [...grouped.values()]
    .map((own) => ({ service: own[0]!.service, table: own[0]!.table, mismatches: own }))
    .toSorted((a, b) => b.mismatches.length - a.mismatches.length);
}
