/** How far a job is, how fast, for how long yet, and what came of it. What nobody knows is said to be unknown: a time that was made up is believed. Pure. */
import type { Job, TableRepair, WrongRows } from "./api-answers.ts";
import { counted, countText, rateText, secondsText, shareText } from "./measures.ts";
import { ageSeconds } from "./moments.ts";

export function isOpen({ state }: Pick<Job, "state">): boolean {
  return state === "waiting" || state === "running";
}

/** @returns from 0 to 1; undefined where it is not known */
export function shareDone({ state, rows, estimatedRows }: Job): number | undefined {
  if (state === "done") return 1;
  // The estimate is the planner's: where there are more rows than that, nobody knows how many there are.
  if (rows === null || estimatedRows === null || estimatedRows <= 0 || rows > estimatedRows) return undefined;
  return Math.min(rows / estimatedRows, 0.99);
}

export function progressText(job: Job): string {
  const share = shareDone(job);
  const rows = job.rows === null ? [] : [rowsText(job.rows, job.state === "done" ? null : job.estimatedRows)];
  const known = [
    ...(share === undefined || job.state === "done" ? [] : [shareText(share)]),
    ...rows,
    ...(job.progress === null ? [] : [job.progress]),
  ];
  if (known.length > 0) return known.join(", ");
  return job.state === "running" ? "unknown" : "";
}

/** Where nobody knows how many there are, or the copy has passed what was believed, or it is over, how many it has copied is all that there is to say. */
function rowsText(rows: number, estimated: number | null): string {
  return estimated === null || estimated < rows ? counted(rows, "row") : `${countText(rows)} of about ${countText(estimated)} rows`;
}

/** @param now by the server's clock, ISO 8601 */
export function jobRate({ rows, startedAt, finishedAt }: Job, now: string | undefined): string {
  const seconds = ageSeconds(startedAt ?? undefined, finishedAt ?? now);
  return rows === null || seconds === undefined || seconds <= 0 ? "unknown" : rateText(rows / seconds);
}

export function timeLeft(job: Job): string {
  return isOpen(job) ? secondsText(job.secondsLeft) : "";
}

/** Tables and options, as whoever asked for it said. */
export function askedText({ tables, options, kind }: Job): string {
  const level = kind === "reconcile" && options?.level !== undefined ? [options.level] : [];
  return [tables.length === 0 ? "all tables" : tables.join(", "), ...level, ...(options?.dryRun === true ? ["preview"] : [])].join("; ");
}

/** Of each table a sentence. */
export function resultLines({ result }: Job): string[] {
  const { reports = [] } = asResult(result);
  return [
    ...repairsOf(result).map(repairLine),
    ...reports.map((report) => `${report.table}: ${report.verdict}, ${counted(report.compared, "row")} compared, ${wrongText(report)}`),
  ];
}

/** Of a repair and of its preview. */
export function repairsOf(result: unknown): readonly TableRepair[] {
  return asResult(result).tables ?? [];
}

/** What a repair does to the target: rows that are published again and written there, and rows that the monolith does not have, which are deleted there. */
export interface RepairedRows {
  readonly published: number;
  readonly deleted: number;
}

export function repairedRows(found: readonly Pick<WrongRows, "missing" | "extra" | "differing">[]): RepairedRows {
  return {
    published: found.reduce((sum, { missing, differing }) => sum + missing.length + differing.length, 0),
    deleted: found.reduce((sum, { extra }) => sum + extra.length, 0),
  };
}

function wrongCount({ missing, extra, differing }: WrongRows): number {
  return missing.length + extra.length + differing.length;
}

interface Result {
  readonly reports?: readonly (WrongRows & { readonly table: string; readonly verdict: string; readonly compared: number })[];
  readonly tables?: readonly TableRepair[];
}

function asResult(result: unknown): Result {
  return typeof result === "object" && result !== null ? result : {};
}

function repairLine({ table, verdict, reason, found, left }: TableRepair): string {
  const why = reason === null ? "" : ` (${reason})`;
  if (verdict === "too-divergent") return `${table}: too divergent to be repaired row by row: copy it again`;
  if (wrongCount(found) === 0) return `${table}: ${verdict}, nothing to repair${why}`;
  if (left === null) return `${table}: ${repairedText(found, "would be ")}: ${wrongText(found)}${why}`;
  const rest = wrongCount(left) + left.undecided.length === 0 ? "all of them are equal now" : `left: ${wrongText(left)}`;
  return `${table}: ${repairedText(found, "")}: ${rest}${why}`;
}

function repairedText(found: WrongRows, would: string): string {
  const { published, deleted } = repairedRows([found]);
  const parts = [
    ...(published === 0 ? [] : [`${counted(published, "row")} ${would}published again`]),
    ...(deleted === 0 ? [] : [`${counted(deleted, "row")} ${would}deleted at the target`]),
  ];
  return parts.join(", ");
}

function wrongText({ missing, extra, differing, undecided }: WrongRows): string {
  const open = undecided.length === 0 ? "" : `, ${undecided.length} undecided`;
  return `${differing.length} differing, ${missing.length} missing, ${extra.length} extra${open}`;
}
