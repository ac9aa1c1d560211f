/** What the command line says of copies: one line for a table, and the sum of all. */
import type { NeedsCopy } from "../apply/needs-copy.ts";
import type { TableCopyStatus } from "../control/snapshot-orders.ts";
import { type CopyState, isOnItsWay, notBegun } from "./copy-state.ts";

/** `public.trades: has to be copied: rows from before `offtake up`; its connector does it as soon as it runs` */
export function notBegunText({ table, reason }: NeedsCopy): string {
  return `${table}: has to be copied: ${reason}; its connector does it as soon as it runs`;
}

/** Of a copy that is in the topic as a whole, and not at the target. */
export function onItsWayText({ table, rows }: TableCopyStatus): string {
  return `${table}: copied, ${rows} rows are in the topic, on their way to the target`;
}

/** `public.trades: copying: 1200 of about 5000 rows, 24 %, 3000 rows/s, 2 s left` */
export function copyText(copy: TableCopyStatus): string {
  const { table, state, rows, estimatedRows, rowsPerSecond, waitsFor, verifiedAt, error } = copy;
  switch (state) {
    case "waiting":
      return `${table}: waits for its connector`;
    case "copying":
      return `${table}: copying: ${progressText(rows, estimatedRows, rowsPerSecond, copy.secondsLeft)}${waitsFor === null ? "" : `; it waits for ${waitsFor}`}`;
    case "copied":
      return `${table}: copied, ${rows} rows${verifiedAt === null ? ", not yet verified" : ""}`;
    case "cancelled":
      return `${table}: cancelled after ${rows} rows`;
    case "failed":
      return `${table}: failed: ${error ?? ""}`;
  }
}

/** All that are under way together. */
export interface CopyTotal {
  readonly rows: number;
  readonly bytes: number;
  /** Null where of one of them nobody knows. */
  readonly estimatedRows: number | null;
  readonly estimatedBytes: number;
  readonly rowsPerSecond: number;
  /** Null as long as nothing has been copied, and where nobody knows how much is left. */
  readonly secondsLeft: number | null;
}

/** Of those that wait nothing is known but that they are. */
export function copyTotal(copies: readonly TableCopyStatus[]): CopyTotal {
  const under = copies.filter(({ state }) => state === "copying");
  const sum = (of: (copy: TableCopyStatus) => number | null): number => under.reduce((total, copy) => total + (of(copy) ?? 0), 0);
  const [rows, rowsPerSecond] = [sum((copy) => copy.rows), sum((copy) => copy.rowsPerSecond)];
  const isKnown = under.every(({ rows: done, estimatedRows: all }) => all !== null && all >= done);
  const estimatedRows = isKnown ? sum((copy) => copy.estimatedRows) : null;
  return {
    rows,
    bytes: sum((copy) => copy.bytes),
    estimatedRows,
    estimatedBytes: sum((copy) => copy.estimatedBytes),
    rowsPerSecond,
    secondsLeft: rowsPerSecond === 0 || estimatedRows === null ? null : Math.round((estimatedRows - rows) / rowsPerSecond),
  };
}

/** Of all tables in one line: `2 of 5 tables copied; 1 on its way to the target; 1200 of about 5000 rows, 24 %, 3000 rows/s, 2 s left, 310 MiB` */
export function progressLine(all: CopyState): string {
  const { copies, marks } = all;
  const { rows, bytes, estimatedRows, rowsPerSecond, secondsLeft } = copyTotal(copies);
  const of = (state: TableCopyStatus["state"]): number => copies.filter((copy) => copy.state === state).length;
  const way = copies.filter((copy) => isOnItsWay(copy, marks)).length;
  const waiting = of("waiting") + notBegun(all).length;
  const tables = new Set([...copies, ...marks].map(({ table }) => table)).size;
  const failed = of("failed") === 0 ? [] : [`${of("failed")} failed`];
  const underWay =
    of("copying") === 0 ? [] : [`${progressText(rows, estimatedRows, rowsPerSecond, secondsLeft)}, ${Math.round(bytes / 2 ** 20)} MiB`];
  const arrived = copies.filter(({ table, state }) => state === "copied" && !marks.some((mark) => mark.table === table)).length;
  return [
    `${arrived} of ${tables} ${tables === 1 ? "table" : "tables"} copied`,
    ...(waiting === 0 ? [] : [`${waiting} ${waiting === 1 ? "waits for its" : "wait for their"} connector`]),
    ...(way === 0 ? [] : [`${way} on ${way === 1 ? "its" : "their"} way to the target`]),
    ...failed,
    ...underWay,
  ].join("; ");
}

/** Statistics may be old: where more is copied than there was said to be, nobody knows how much there is. */
function progressText(rows: number, estimated: number | null, perSecond: number | null, secondsLeft: number | null): string {
  const isKnown = estimated !== null && estimated >= rows && estimated > 0;
  return [
    ...(isKnown ? [`${rows} of about ${estimated} rows`, `${Math.min(Math.floor((rows / estimated) * 100), 99)} %`] : [`${rows} rows so far`]),
    ...(perSecond === null ? [] : [`${perSecond} rows/s`]),
    ...(secondsLeft === null ? [] : [`${timeText(secondsLeft)} left`]),
  ].join(", ");
}

function timeText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
