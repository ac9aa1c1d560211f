/** What the command line says of copies: one line for a table, and the sum of all. */
import type { TableCopyStatus } from "../control/snapshot-orders.ts";

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
  readonly estimatedRows: number;
  readonly estimatedBytes: number;
  readonly rowsPerSecond: number;
  /** Null as long as nothing has been copied. */
  readonly secondsLeft: number | null;
}

/** Of those that wait nothing is known but that they are. */
export function copyTotal(copies: readonly TableCopyStatus[]): CopyTotal {
  const under = copies.filter(({ state }) => state === "copying");
  const sum = (of: (copy: TableCopyStatus) => number | null): number => under.reduce((total, copy) => total + (of(copy) ?? 0), 0);
  const [rows, estimatedRows, rowsPerSecond] = [sum((copy) => copy.rows), sum((copy) => copy.estimatedRows), sum((copy) => copy.rowsPerSecond)];
  return {
    rows,
    bytes: sum((copy) => copy.bytes),
    estimatedRows,
    estimatedBytes: sum((copy) => copy.estimatedBytes),
    rowsPerSecond,
    secondsLeft: rowsPerSecond === 0 ? null : Math.round(Math.max(estimatedRows - rows, 0) / rowsPerSecond),
  };
}

/** Of all tables in one line: `2 of 5 tables copied; 1200 of about 5000 rows, 24 %, 3000 rows/s, 2 s left, 310 MiB` */
export function progressLine(copies: readonly TableCopyStatus[]): string {
  const { rows, bytes, estimatedRows, rowsPerSecond, secondsLeft } = copyTotal(copies);
  const of = (state: TableCopyStatus["state"]): number => copies.filter((copy) => copy.state === state).length;
  const failed = of("failed") === 0 ? [] : [`${of("failed")} failed`];
  const underWay =
    of("copying") === 0 ? [] : [`${progressText(rows, estimatedRows, rowsPerSecond, secondsLeft)}, ${Math.round(bytes / 2 ** 20)} MiB`];
  return [`${of("copied")} of ${copies.length} tables copied`, ...failed, ...underWay].join("; ");
}

/** Statistics may be old: what is copied may be more than there was said to be. */
function progressText(rows: number, estimated: number | null, perSecond: number | null, secondsLeft: number | null): string {
  const share = estimated === null || estimated === 0 ? [] : [`${Math.min(Math.floor((rows / estimated) * 100), 99)} %`];
  return [
    estimated === null ? `${rows} rows` : `${rows} of about ${Math.max(estimated, rows)} rows`,
    ...share,
    ...(perSecond === null ? [] : [`${perSecond} rows/s`]),
    ...(secondsLeft === null ? [] : [`${timeText(secondsLeft)} left`]),
  ].join(", ");
}

function timeText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
