/**
 * How messages name an event that a target does not take: what it does, to which row, and where it stands. Whoever is woken by it has nothing else to find the
 * row by, in a topic of millions.
 *
 * Pure.
 */
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import { knownColumns } from "./apply-merged.ts";
import { textOf } from "./value-writer.ts";
import { Change, type ChangeLog } from "./change-log.ts";
import { type Misfit, misfits } from "./misfit.ts";
import type { TargetTable } from "./target-table.ts";

/** Where the event stands, and the tables of the log's plans. */
export interface NamedIn {
  readonly log: ChangeLog;
  readonly tables: readonly TargetTable[];
  /** Of the source transaction that it belongs to. */
  readonly commitLsn: bigint;
}

/** The key as messages name it: (id)=(42). */
export function keyText(log: ChangeLog, table: TargetTable, change: number): string {
  const { plan } = table;
  if (plan.keys.length === 0) return "(no key)";
  const bytes = log.buffers[log.buffer[change]!]!;
  const values = plan.keys.map((key) => {
    const at = log.row[change]! + key;
    return log.start[at] === -1 ? "null" : textOf(bytes, log.start[at]!, log.end[at]!, plan.columns[key]!.form).slice(0, 100);
  });
  return `(${plan.keys.map((key) => plan.columns[key]!.name).join(", ")})=(${values.join(", ")})`;
}

/** What an event says of a row, as PostgreSQL prints it; columns that it does not have (unchanged TOAST) are left out. */
export function rowTexts(log: ChangeLog, change: number): Record<string, string | null> {
  const plan = log.plans[log.plan[change]!]!;
  const bytes = log.buffers[log.buffer[change]!]!;
  const known = knownColumns(log, change);
  return Object.fromEntries(
    plan.columns.flatMap(({ name, form }, i) => {
      const at = log.row[change]! + i;
      if (known[i] !== true) return [];
      return [[name, log.start[at] === -1 ? null : textOf(bytes, log.start[at]!, log.end[at]!, form)]];
    }),
  );
}

const opNames: Readonly<Record<number, string>> = {
  [Change.create]: "create",
  [Change.update]: "update",
  [Change.delete]: "delete",
  [Change.truncate]: "truncate",
  [Change.read]: "copy",
  [Change.move]: "change of key",
  [Change.absent]: "repaired absence",
};

export function eventText(context: NamedIn, change: number): string {
  const { log, tables, commitLsn } = context;
  const table = tables[log.plan[change]!]!;
  const key = log.op[change] === Change.truncate ? "" : ` ${keyText(log, table, change)}`;
  return `the ${opNames[log.op[change]!]} of ${table.shown}${key}, position ${formatLsn(commitLsn)}:${log.sequence[change]}, offset ${log.offset[change]}`;
}

/** Looked for where a value was too long or too large, or text that is no number was to be one. */
export function narrowColumns(log: ChangeLog, { plan, columns }: TargetTable, change: number): Misfit[] {
  const op = log.op[change];
  if (op === Change.truncate || op === Change.delete || op === Change.absent) return [];
  const bytes = log.buffers[log.buffer[change]!]!;
  const known = knownColumns(log, change);
  return misfits(
    columns.flatMap(({ index, name, stored }) => {
      const at = log.row[change]! + index;
      if (known[index] !== true || log.start[at] === -1) return [];
      return [{ name, type: stored.replace(/^::/, ""), value: textOf(bytes, log.start[at]!, log.end[at]!, plan.columns[index]!.form) }];
    }),
  );
}
