/**
 * Applies a range of a log as merged, set-based statements. All of them are sent at once, with the COMMIT behind them, which is not
 * reached where one touches fewer rows than it names: then the target's rows are not what the stream takes them to be.
 *
 * Source: PostgreSQL documentation, "Pipelining"; docs/decisions/0003-apply.md.
 */
import type { Client } from "pg";
import { arrayParameter } from "./array-parameter.ts";
import type { ChangeLog } from "./change-log.ts";
import { copyBinary } from "./copy-binary.ts";
import { copyRows } from "./copy-rows.ts";
import { marksText, merge } from "./merge.ts";
import type { ByteArena } from "./byte-arena.ts";
import { NotMergeable } from "./not-mergeable.ts";
import { RowSet } from "./row-set.ts";
import { type GroupStatement, runGroup } from "./statement-group.ts";
import { type Statement, truncateSql } from "./statements.ts";
import { type Step, steps } from "./steps.ts";
import { copyOf, deleteOf, exactOf, insertOf, moveOf, putOf, updateOf } from "./table-statements.ts";
import { inBinary, type TargetTable } from "./target-table.ts";

export interface Sent extends GroupStatement {
  /** In the arena. */
  readonly values: Buffer[];
  /** Where it is one of those that know how to fail when they touch another number of rows. */
  readonly statement?: Statement;
  /** Rows that it must touch; undefined where any number will do. */
  readonly rows: number | undefined;
  /** Of a table that has not been copied yet, the rows that it touches where none is missing. */
  readonly atMost?: LeftOut;
  /** The table whose rows it takes for new, though some may be there. */
  readonly hopeful?: TargetTable;
}

export interface Merging {
  /** For each plan of the log. */
  readonly tables: readonly TargetTable[];
  /** For each of them whether rows may be missing at the target because they were never copied. */
  readonly uncopied: readonly boolean[];
  /** And whether rows that a copy brings are likely to be new there. */
  readonly hopeful: readonly boolean[];
  readonly arena: ByteArena;
  /** Changes that go into a queue, and not to their table. */
  readonly queued?: ReadonlySet<number> | undefined;
}

/**
 * The statements for the first changes of a log, or for those from one on, in order. Pure.
 *
 * @param to how many changes, with those before `from`
 * @throws NotMergeable when they have to be applied in source order
 */
export function mergedStatements(log: ChangeLog, merging: Merging, to: number, from = 0): Sent[] {
  // Where nothing keeps the key unique a count does not show that each row was touched once, and an INSERT not that a row was there already.
  const inOrder = merging.tables.map((table) => table.awake || (table.plan.keys.length > 0 && !table.unique));
  const binary = { ...merging, tables: merging.tables.map(inBinary) };
  return steps(log, inOrder, from, to, merging.queued).flatMap((step) => stepStatements(log, step, binary).map(exact));
}

/** Rows of a table that has not been copied yet, which a statement was to touch and which are not there. */
export interface LeftOut {
  readonly table: string;
  readonly rows: number;
}

/** A statement that fails where it does not touch the rows that it must. COPY takes all or fails. */
function exact(sent: Sent): Sent {
  const { statement, rows, values } = sent;
  if (statement === undefined || rows === undefined) return sent;
  const count = Buffer.alloc(8);
  count.writeUInt32BE(rows, 4);
  const no = (): Error => new NotMergeable(`not ${rows} rows: ${statement.sql}`);
  return { ...sent, ...exactOf(statement), values: [...values, count], no };
}

/** Sends them all, and waits for all. @throws NotMergeable; the server's own error */
export async function sendAll(client: Client, sent: readonly Sent[]): Promise<LeftOut[]> {
  // Of changes that all go to queues nothing is left to be sent, and a group has a first statement.
  if (sent.length === 0) return [];
  const { counts, error } = await runGroup(client, sent);
  if (error !== undefined) throw error;
  return leftOut(sent, counts);
}

/** @param counts of the statements, all of which have succeeded */
export function leftOut(sent: readonly Sent[], counts: readonly number[]): LeftOut[] {
  return sent.flatMap(({ atMost }, i) => (atMost === undefined || counts[i] === atMost.rows ? [] : [{ ...atMost, rows: atMost.rows - counts[i]! }]));
}

function stepStatements(log: ChangeLog, step: Step, { tables, uncopied, hopeful, arena }: Merging): Sent[] {
  const table = tables[step.plan]!;
  switch (step.kind) {
    case "truncate":
      return [{ sql: truncateSql(step.changes.map((change) => tables[log.plan[change]!]!)), values: [], name: "", text: false, rows: undefined }];
    case "order":
      throw new NotMergeable("a table whose changes have to be applied in source order");
    case "creates":
      return [newRows(log, arena, table, RowSet.of(step.changes))];
    case "moves":
      return byMarks(log, step.changes).flatMap(({ known, changes }) => {
        const sent = bind(log, arena, moveOf(table, known), RowSet.of(changes));
        return uncopied[step.plan]! ? movesOfUncopied(log, arena, table, { known, changes }, sent) : [sent];
      });
    case "merge": {
      // Most batches are nothing but new rows, and each is there once: merging finds that out too, and nothing is lost by asking it.
      const lenient = uncopied[step.plan]!;
      const merged = merge(log, step.changes, lenient);
      if (merged === undefined) throw new NotMergeable(`changes of ${table.shown} that do not follow from one another`);
      const { nothing, deletes, removals, updates, inserts, puts } = merged;
      if (puts.length > 0 && (!table.arbiter || table.replaces)) throw new NotMergeable(`rows of ${table.shown} that cannot be written over`);
      return [
        ...(nothing.length === 0 ? [] : [{ ...bind(log, arena, deleteOf(table), nothing), rows: 0 }]),
        ...(deletes.length === 0 ? [] : [bind(log, arena, deleteOf(table), deletes)]),
        ...(removals.length === 0 ? [] : [{ ...bind(log, arena, deleteOf(table), removals), rows: undefined }]),
        ...updates.map(({ known, rows }) => {
          const sent = bind(log, arena, updateOf(table, known), rows);
          return lenient ? { ...sent, rows: undefined, atMost: { table: table.shown, rows: rows.length } } : sent;
        }),
        ...(inserts.length === 0 ? [] : [newRows(log, arena, table, inserts)]),
        ...(puts.length === 0 ? [] : [putRows(log, arena, table, puts, hopeful[step.plan]!)]),
      ];
    }
  }
}

/**
 * A row that is not there yet cannot move: where the event has all of it, it is put where it should be by now. One by one, batch after batch, the applier fell behind a
 * monolith that changes keys while they are copied.
 */
function movesOfUncopied(log: ChangeLog, arena: ByteArena, table: TargetTable, { known, changes }: Moves, sent: Sent): Sent[] {
  const move = { ...sent, rows: undefined };
  if (!known.every(Boolean)) return [{ ...move, atMost: { table: table.shown, rows: changes.length } }];
  if (!table.arbiter || table.replaces) throw new NotMergeable(`rows of ${table.shown} that cannot be written over`);
  return [move, putRows(log, arena, table, RowSet.of(changes), false)];
}

/** Fewer are cheaper as arrays: the server makes a statement of every COPY anew. */
const copiedFrom = 50;

function isCopied(table: TargetTable, rows: RowSet): boolean {
  return table.copied && rows.length >= copiedFrom;
}

function newRows(log: ChangeLog, arena: ByteArena, table: TargetTable, rows: RowSet): Sent {
  if (!isCopied(table, rows)) return bind(log, arena, insertOf(table), rows);
  const { sql, name } = copyOf(table);
  const copy = table.copiedInBinary ? copyBinary(log, rows, table.columns, arena) : copyRows(log, rows, table.columns, arena);
  return { sql, name, values: [], text: false, rows: rows.length, copy };
}

/** A row that is there already is written over; what may all be new goes by COPY, which costs half as much. */
function putRows(log: ChangeLog, arena: ByteArena, table: TargetTable, rows: RowSet, hopeful: boolean): Sent {
  if (hopeful && isCopied(table, rows)) return { ...newRows(log, arena, table, rows), hopeful: table };
  // Where the key is all that there is, and cannot be set, a row that is there stays as it is.
  return {
    ...bind(log, arena, putOf(table), rows),
    ...(table.columns.every((column) => column.identityAlways) ? { rows: undefined } : {}),
  };
}

interface Moves {
  readonly known: boolean[];
  readonly changes: number[];
}

/** Moves grouped by the columns whose value they know. Their order does not matter: no key occurs twice. */
function byMarks(log: ChangeLog, changes: readonly number[]): Moves[] {
  const groups = new Map<string, Moves>();
  for (const change of changes) {
    const known = knownColumns(log, change);
    const key = marksText(known);
    const group = groups.get(key) ?? { known, changes: [] };
    groups.set(key, group);
    group.changes.push(change);
  }
  return [...groups.values()];
}

/** For each column of the change's plan whether its value came along. */
export function knownColumns(log: ChangeLog, change: number): boolean[] {
  const { length } = log.plans[log.plan[change]!]!.columns;
  const marks = log.unchanged[change]!;
  return Array.from({ length }, (_, column) => marks === -1 || log.marks[marks + column] === 0);
}

/** The statement with the rows' values as its parameters. */
export function bind(log: ChangeLog, arena: ByteArena, statement: Statement, rows: RowSet): Sent {
  const values = statement.parameters.map(({ column, side, index }) => arrayParameter(log, rows, side, index, column.parameter, arena));
  return { sql: statement.sql, values, name: statement.name, text: false, rows: rows.length, statement };
}
