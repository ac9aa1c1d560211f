/**
 * Copies as people ask for them, look at them and call them off: the other side of the journal that connectors keep (snapshot-jobs.ts). A job that is put in here
 * is taken up by its connector within a second or two; one that is cancelled ends with the chunk under way. Every function throws what ControlSession.query() does.
 *
 * Source: schemas/control-schema.ts.
 */
import type { ControlSession } from "./control-session.ts";
import { isAtWork, type UnitReport } from "./unit-reports.ts";

export type SnapshotState = "waiting" | "copying" | "copied" | "cancelled" | "failed";

/** The newest copy of a whole table. Names are public: `snapshot status --json` and `status --json` have them. Null is what is not known, or not yet. */
export interface TableCopyStatus {
  /** schema.table of the source. */
  readonly table: string;
  readonly state: SnapshotState;
  readonly reason: string;
  /** What is in the topic. */
  readonly rows: number;
  readonly bytes: number;
  /** By the source's statistics; null for a table that was never analysed. */
  readonly estimatedRows: number | null;
  readonly estimatedBytes: number | null;
  /** Since it was begun. */
  readonly rowsPerSecond: number | null;
  readonly secondsLeft: number | null;
  /** What holds it up at the moment. */
  readonly waitsFor: string | null;
  /** Why it has failed. */
  readonly error: string | null;
  readonly requestedBy: string;
  /** ISO 8601. */
  readonly requestedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** When the copy was found equal to the source. */
  readonly verifiedAt: string | null;
}

/** Whether it waits or is under way. */
export function isOpen({ state }: TableCopyStatus): boolean {
  return state === "waiting" || state === "copying";
}

/** Whole copies that wait or are under way, of which a table has one; jobs that read a list of keys are beside them. */
export const openCopy = "state IN ('waiting', 'copying') AND wanted_columns IS NULL";

/** A copy that has not begun yet will mend what its table is marked for by now. */
export const newReason = "DO UPDATE SET reason = excluded.reason WHERE snapshot.state = 'waiting' AND snapshot.reason <> excluded.reason";

// An order and its audit are one statement: neither is there without the other.
const requestSql = `
  WITH copies AS (
         INSERT INTO offtake.snapshot (connector, service, table_name, reason, requested_by)
         SELECT $1, $2, l.name, l.reason, $5 FROM unnest($3::text[], $4::text[]) AS l (name, reason)
             ON CONFLICT (connector, table_name) WHERE ${openCopy} ${newReason}
         RETURNING table_name, xmax = 0 AS fresh),
       told AS (
         INSERT INTO offtake.audit (who, action, service, subject, before, after)
         SELECT $5, 'snapshot', $2, string_agg(table_name, ', ' ORDER BY table_name), 'null', '{"state": "waiting"}' FROM copies WHERE fresh HAVING count(*) > 0)
  SELECT table_name FROM copies WHERE fresh`;

const cancelSql = `
  WITH copies AS (
         UPDATE offtake.snapshot
            SET state = 'cancelled', waits_for = NULL, finished_at = clock_timestamp()
          WHERE connector = $1 AND ${openCopy} AND ($4::text[] IS NULL OR table_name = ANY ($4))
         RETURNING table_name),
       told AS (
         INSERT INTO offtake.audit (who, action, service, subject, before, after)
         SELECT $3, 'cancel', $2, string_agg(table_name, ', ' ORDER BY table_name), '{"state": "open"}', '{"state": "cancelled"}' FROM copies HAVING count(*) > 0)
  SELECT table_name FROM copies`;

const restartSql = `
  UPDATE offtake.snapshot
     SET state = 'waiting', key_columns = NULL, last_key = NULL, rows = 0, bytes = 0, waits_for = NULL, started_at = NULL
   WHERE connector = $1 AND state IN ('waiting', 'copying')`;

const newestSql = `
  SELECT DISTINCT ON (table_name)
         table_name, state, reason, rows, bytes, estimated_rows, estimated_bytes, waits_for, error, requested_by, requested_at, started_at, finished_at, verified_at,
         extract(epoch FROM coalesce(finished_at, clock_timestamp()) - started_at)::float8 AS seconds
    FROM offtake.snapshot
   WHERE connector = $1 AND wanted_columns IS NULL
   ORDER BY table_name, id DESC`;

interface Row {
  table_name: string;
  state: SnapshotState;
  reason: string;
  rows: string;
  bytes: string;
  estimated_rows: string | null;
  estimated_bytes: string | null;
  waits_for: string | null;
  error: string | null;
  requested_by: string;
  requested_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
  verified_at: Date | null;
  seconds: number | null;
}

export interface SnapshotOrder {
  readonly connector: string;
  readonly service: string;
  /** Of the source, as schema.table, each with why it is to be copied. */
  readonly tables: readonly { readonly table: string; readonly reason: string }[];
  readonly requestedBy: string;
}

/** @returns tables that had no open job, in order of their names: they have one now */
export async function requestCopies(control: ControlSession, { connector, service, tables, requestedBy }: SnapshotOrder): Promise<string[]> {
  const values = [connector, service, tables.map(({ table }) => table), tables.map(({ reason }) => reason), requestedBy];
  const { rows } = await control.query<{ table_name: string }>(requestSql, values);
  return rows.map(({ table_name: name }) => name).toSorted();
}

export interface CancelOrder {
  readonly connector: string;
  readonly service: string;
  readonly who: string;
  /** Undefined for all. */
  readonly tables?: readonly string[] | undefined;
}

/** @returns tables whose job was open, in order of their names */
export async function cancelCopies(control: ControlSession, { connector, service, who, tables }: CancelOrder): Promise<string[]> {
  const { rows } = await control.query<{ table_name: string }>(cancelSql, [connector, service, who, tables ?? null]);
  return rows.map(({ table_name: name }) => name).toSorted();
}

/**
 * Copies that are under way begin anew: the topic that has what was copied so far is gone. One that went on behind its last key would leave out what was before it,
 * and say that it has copied the table.
 */
export async function restartCopies(control: ControlSession, connector: string): Promise<void> {
  await control.query(restartSql, [connector]);
}

/** Copies as they are, where it is known what runs. @param units undefined where nobody can say */
export function unlessHeldUp(copies: TableCopyStatus[], connector: string, units: readonly UnitReport[] | undefined): TableCopyStatus[] {
  return units === undefined || isAtWork(units, `connector ${connector}`) ? copies : copies.map(heldUp);
}

/** A copy whose connector no process runs stands still: it goes on where it is, and nobody can say when. */
export function heldUp(copy: TableCopyStatus): TableCopyStatus {
  return copy.state === "copying" ? { ...copy, rowsPerSecond: null, secondsLeft: null, waitsFor: "its connector, which no process runs" } : copy;
}

/** @returns in order of the tables' names */
export async function readCopies(control: ControlSession, connector: string): Promise<TableCopyStatus[]> {
  const { rows } = await control.query<Row>(newestSql, [connector]);
  return rows.map(statusOf);
}

function statusOf(row: Row): TableCopyStatus {
  const rows = Number(row.rows);
  const estimatedRows = row.estimated_rows === null ? null : Number(row.estimated_rows);
  const rowsPerSecond = row.seconds === null || row.seconds === 0 || rows === 0 ? null : rows / row.seconds;
  // Statistics that the copy has passed by say nothing of what is left.
  const isKnown = estimatedRows !== null && estimatedRows > rows;
  const left = row.state === "copying" && rowsPerSecond !== null && isKnown ? (estimatedRows - rows) / rowsPerSecond : null;
  return {
    table: row.table_name,
    state: row.state,
    reason: row.reason,
    rows,
    bytes: Number(row.bytes),
    estimatedRows,
    estimatedBytes: row.estimated_bytes === null ? null : Number(row.estimated_bytes),
    rowsPerSecond: rowsPerSecond === null ? null : Math.round(rowsPerSecond),
    secondsLeft: left === null ? null : Math.round(left),
    waitsFor: row.waits_for,
    error: row.error,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
    verifiedAt: row.verified_at?.toISOString() ?? null,
  };
}
