/**
 * The tables of one service, each with what is known of it, for the view that on-call opens when a service is not well. Three databases know parts of it, and any of them may be the one that is away:
 * what it would have said is null then. A zero that nobody has counted would send on-call to look elsewhere.
 *
 * Pure.
 */
import type { ParkedCount } from "../apply/dead-letter.ts";
import type { NeedsCopy } from "../apply/needs-copy.ts";
import type { MismatchCounts } from "../control/pass-reports.ts";
import type { TablePasses } from "../control/pass-history.ts";
import type { TableCopyStatus } from "../control/snapshot-orders.ts";
import type { Alert } from "../reconcile/alert-decision.ts";
import type { ServiceStatus } from "./service-status.ts";

/** What databases say of tables, by schema.table of the source. Undefined is a database that cannot be asked. */
export interface KnownTables {
  /** Of the monolith: the service's tables, each with its estimate where it has one. */
  readonly rows: ReadonlyMap<string, number | null> | undefined;
  /** Of the target. */
  readonly target: { readonly marks: readonly NeedsCopy[]; readonly parked: readonly ParkedCount[] } | undefined;
  /** Of the control database; a table of which nothing is wrong is not in it. */
  readonly mismatches: ReadonlyMap<string, MismatchCounts> | undefined;
}

/** Names are public: the API has them. */
export interface ShownTable {
  readonly table: string;
  readonly rows: number | null;
  readonly pass: Omit<TablePasses, "table"> | null;
  readonly mismatches: MismatchCounts | null;
  readonly copy: Omit<TableCopyStatus, "table"> | null;
  readonly needsCopy: string | null;
  readonly parkedKeys: number | null;
  readonly deadLetters: number | null;
  readonly alerts: readonly Omit<Alert, "clearedAt" | "table">[];
}

const none: MismatchCounts = { missing: 0, extra: 0, differing: 0 };

/** @returns in order of their names */
export function shownTables(
  { rows, target, mismatches }: KnownTables,
  { reconciliations, copies, alerts }: Pick<ServiceStatus, "reconciliations" | "copies" | "alerts">,
): ShownTable[] {
  // Of a table that has left the service old passes say nothing; what is put aside of it is still there.
  const once = rows === undefined ? [...reconciliations, ...copies] : [...rows.keys()].map((table) => ({ table }));
  const tables = new Set([...once, ...(target?.marks ?? []), ...(target?.parked ?? [])].map(({ table }) => table));
  return [...tables]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((table) => {
      const isOf = (each: { readonly table: string }): boolean => each.table === table;
      const pass = reconciliations.find(isOf);
      const parked = target?.parked.find(isOf);
      // Of a table that is too divergent no row was looked at: what is known is that they are too many.
      const isCounted = pass !== undefined && pass.verdict !== "too-divergent";
      return {
        table,
        rows: rows?.get(table) ?? null,
        pass: withoutName(pass),
        mismatches: isCounted && mismatches !== undefined ? (mismatches.get(table) ?? none) : null,
        copy: withoutName(copies.find(isOf)),
        needsCopy: target?.marks.find(isOf)?.reason ?? null,
        parkedKeys: target === undefined ? null : (parked?.keys ?? 0),
        deadLetters: target === undefined ? null : (parked?.deadLetters ?? 0),
        alerts: alerts.filter(isOf).map(({ kind, detail, raisedAt }) => ({ kind, detail, raisedAt })),
      };
    });
}

function withoutName<T extends { readonly table: string }>(found: T | undefined): Omit<T, "table"> | null {
  if (found === undefined) return null;
  const { table: _, ...rest } = found;
  return rest;
}
