/**
 * What a pass has found: the report that commands print and the control database keeps. Its names are public.
 *
 * Pure.
 */

/** basic: which keys are there; detailed: hashes of ranges of rows; strict: the hash of every row. */
export const levels = ["basic", "detailed", "strict"] as const;
export type Level = (typeof levels)[number];

/** Of the whole report; --json is that of JSON. */
export const formats = ["text", "json", "csv"] as const;
export type Format = (typeof formats)[number];

export type Verdict = "equal" | "mismatch" | "too-divergent" | "incomplete" | "parked";

/** By the source's names of the key's columns, as PostgreSQL prints them. */
export type ReportedKey = Readonly<Record<string, string | null>>;

/** @param columns in the order of the values */
export function reportedKey(columns: readonly string[], values: readonly string[]): ReportedKey {
  return Object.fromEntries(columns.map((column, i) => [column, values[i] ?? null]));
}

export interface Differing {
  readonly key: ReportedKey;
  readonly columns: readonly { readonly name: string; readonly source: string | null; readonly target: string | null }[];
  /** The source has had the row at least from here on. */
  readonly sourcePosition: string;
  /** The applied position of the target's read. */
  readonly targetPosition: string;
}

export interface Undecided {
  readonly key: ReportedKey;
  readonly waitsFor: string;
}

/** Of one table. */
export interface Report {
  readonly service: string;
  /** schema.table of the source. */
  readonly table: string;
  /** `stream` for rows that were looked at because they had changed, and not for a pass. */
  readonly level: Level | "stream";
  /** ISO 8601. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Of the newest reads. */
  readonly snapshot: { readonly sourceLsn: string | null; readonly appliedLsn: string | null };
  readonly verdict: Verdict;
  /** Why it is incomplete; null where it is not. */
  readonly reason: string | null;
  readonly totalSource: number;
  readonly totalTarget: number;
  /** Keys of either side. */
  readonly compared: number;
  readonly matchRate: number;
  readonly mismatchRate: number;
  readonly rowsPerSecond: number;
  readonly missing: readonly { readonly key: ReportedKey }[];
  readonly extra: readonly { readonly key: ReportedKey }[];
  readonly differing: readonly Differing[];
  readonly undecided: readonly Undecided[];
  /** Keys whose events are put aside at the target, and whose rows are behind. */
  readonly parked: number;
  /** Reads of candidates, of either side. */
  readonly rounds: number;
  /** After how many candidates it gave up; null where it did not. */
  readonly truncatedAt: number | null;
}

/** What a pass gathers before it is judged. */
export interface Findings {
  readonly missing: readonly { readonly key: ReportedKey }[];
  readonly extra: readonly { readonly key: ReportedKey }[];
  readonly differing: readonly Differing[];
  readonly undecided: readonly Undecided[];
  readonly reason: string | null;
  readonly parked: number;
  readonly truncatedAt: number | null;
}

/** Confirmed mismatches stay confirmed, whatever else could not be compared. */
export function verdictOf({ missing, extra, differing, undecided, reason, parked, truncatedAt }: Findings): Verdict {
  if (truncatedAt !== null) return "too-divergent";
  if (missing.length + extra.length + differing.length > 0) return "mismatch";
  if (undecided.length > 0 || reason !== null) return "incomplete";
  return parked > 0 ? "parked" : "equal";
}

/** @returns of all keys compared, the part that is wrong; 0 for none */
export function mismatchRate({ missing, extra, differing }: Findings, compared: number): number {
  return compared === 0 ? 0 : Math.min((missing.length + extra.length + differing.length) / compared, 1);
}

/** Of a table of which nothing was compared. */
export function incompleteReport(service: string, table: string, level: Level, startedAt: Date, reason: string): Report {
  return {
    service,
    table,
    level,
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    snapshot: { sourceLsn: null, appliedLsn: null },
    verdict: "incomplete",
    reason,
    totalSource: 0,
    totalTarget: 0,
    compared: 0,
    matchRate: 0,
    mismatchRate: 0,
    rowsPerSecond: 0,
    missing: [],
    extra: [],
    differing: [],
    undecided: [],
    parked: 0,
    rounds: 0,
    truncatedAt: null,
  };
}
