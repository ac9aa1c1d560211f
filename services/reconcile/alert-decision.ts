/**
 * Which alerts are to be raised and cleared: of a table that has too many wrong rows, that was not found equal for too long, or that is too far behind. One that goes on and off all
 * the time is an alert that people learn to ignore; so what was cleared is not raised again for a while, and what cannot be told just now changes nothing.
 *
 * Pure.
 */
import type { TablePasses } from "../control/pass-history.ts";
import type { ReconcilePolicy } from "../runtime/table-mapping.ts";

export const alertKinds = ["mismatch", "overdue", "lag"] as const;
export type AlertKind = (typeof alertKinds)[number];

/** The newest alert of a table and a kind. */
export interface Alert {
  /** schema.table of the source. */
  readonly table: string;
  readonly kind: AlertKind;
  /** A sentence. */
  readonly detail: string;
  /** ISO 8601. */
  readonly raisedAt: string;
  /** Null while it lasts. */
  readonly clearedAt: string | null;
}

export interface Condition extends Pick<Alert, "table" | "kind" | "detail"> {
  /** Undefined where nobody can tell. */
  readonly holds: boolean | undefined;
}

/** Milliseconds after its end for which an alert is not raised again. */
const coolDownMs = 10 * 60_000;

/** Intervals without a clean pass, each with the time that a pass takes. */
const intervals = 3;

export interface Transitions {
  readonly raise: readonly Condition[];
  readonly clear: readonly Alert[];
}

/** @param alerts the newest of each table and kind. @param now milliseconds since 1970 */
export function transitions(alerts: readonly Alert[], conditions: readonly Condition[], now: number): Transitions {
  const of = ({ table, kind }: Pick<Alert, "table" | "kind">): string => `${kind} ${table}`;
  const newest = new Map(alerts.map((alert) => [of(alert), alert]));
  const wanted = new Map(conditions.map((condition) => [of(condition), condition]));
  const raise = conditions.filter((condition) => {
    const alert = newest.get(of(condition));
    if (condition.holds !== true) return false;
    return alert === undefined || (alert.clearedAt !== null && now - Date.parse(alert.clearedAt) >= coolDownMs);
  });
  // What nobody asks for any more, as of a table that has left, does not last either.
  const clear = alerts.filter((alert) => alert.clearedAt === null && (wanted.get(of(alert)) ?? { holds: false }).holds === false);
  return { raise, clear };
}

export interface TableState {
  readonly table: string;
  readonly policy: ReconcilePolicy;
  /** Undefined for a table that was never compared. */
  readonly passes: TablePasses | undefined;
  /** How far the target is behind the monolith, in milliseconds; undefined where it is not known. */
  readonly lagMs: number | undefined;
  /** Nothing is applied to its service, and nothing compared: that it was not found equal says nothing. */
  readonly paused: boolean;
  /** When it was last seen to be, in milliseconds since 1970; undefined for never: its passes begin anew from there. */
  readonly pausedAt: number | undefined;
}

/** @param since when the process began, in milliseconds since 1970: before, nobody compared what has no history */
export function conditionsOf({ table, policy, passes, lagMs, paused, pausedAt = 0 }: TableState, since: number, now: number): Condition[] {
  const { everyMs, level, maxLagMs, maxMismatchRate } = policy;
  const cleanAt = Date.parse(passes?.lastCleanAt ?? new Date(since).toISOString());
  const allowedMs = intervals * (everyMs + (passes?.lastPassMs ?? 0));
  const overdue = now - Math.max(cleanAt, pausedAt) > allowedMs;
  const age = Math.round((now - cleanAt) / 1000);
  const lag = lagMs === undefined ? 0 : Math.round(lagMs / 1000);
  return [
    { table, kind: "mismatch", detail: mismatchText(passes), holds: passes === undefined ? undefined : tooManyWrong(passes, maxMismatchRate) },
    ...(level === "basic"
      ? []
      : [{ table, kind: "overdue" as const, detail: `It was not found equal for ${age} s.`, holds: paused ? undefined : overdue }]),
    ...(maxLagMs === undefined
      ? []
      : [
          {
            table,
            kind: "lag" as const,
            detail: `The target is ${lag} s behind the monolith.`,
            holds: lagMs === undefined ? undefined : lagMs > maxLagMs,
          },
        ]),
  ];
}

function tooManyWrong({ verdict, level, mismatchRate }: TablePasses, most: number): boolean | undefined {
  if (verdict === "too-divergent") return true;
  if (verdict === "equal" || verdict === "parked") return false;
  if (verdict === "incomplete") return undefined;
  // Of a table of which some rows were looked at, nobody knows the rate.
  if (level === "stream") return most === 0 ? true : undefined;
  return mismatchRate > most;
}

function mismatchText(passes: TablePasses | undefined): string {
  if (passes?.verdict === "too-divergent") return "More rows are wrong than are looked at.";
  return `${passes?.mismatches ?? 0} of its rows are wrong at the target.`;
}
