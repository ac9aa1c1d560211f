/** Tables of a service, worst first: what is wrong, what is lacking, what nobody has proven, and the rest by name. Pure. */
import type { TableRow } from "./api-answers.ts";
import { isOnItsWay } from "./copy-on-its-way.ts";

export function tablesWorstFirst(tables: readonly TableRow[]): TableRow[] {
  return tables.toSorted((a, b) => badness(b) - badness(a) || (a.table < b.table ? -1 : a.table > b.table ? 1 : 0));
}

/** Larger is worse. */
function badness({ pass, alerts, deadLetters, needsCopy, copy }: TableRow): number {
  if (alerts.some(({ kind }) => kind !== "overdue") || pass?.verdict === "too-divergent") return 5;
  if ((pass?.mismatches ?? 0) > 0) return 4;
  if ((deadLetters ?? 0) > 0) return 3;
  const lacksRows = needsCopy !== null && (copy === null || !isOnItsWay(copy, needsCopy));
  if (lacksRows || copy?.state === "failed") return 2;
  return alerts.length > 0 ? 1 : 0;
}
