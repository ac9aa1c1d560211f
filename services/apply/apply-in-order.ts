/**
 * Applies changes one by one, in the order in which the monolith made them: the way that is always right, and fifty times slower. It is taken for
 * tables whose triggers or foreign keys are awake, and where merged statements did not fit the target's rows; there it finds out which row it was.
 *
 * What the target's row is not what the stream takes it to be, the source wins: a row that is there already is written over, one that is missing is
 * inserted, one that is gone already stays gone. Each is counted and logged. Only an update that lacks columns cannot put back a missing row.
 *
 * Source: ARCHITECTURE.md, "Conflicts"; PostgreSQL documentation, "PostgreSQL Error Codes", classes 22 and 23.
 */
import { DatabaseError, type Client, type QueryResult } from "pg";
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import { sqlState } from "../../connectors/postgres/session.ts";
import { messageOf, OfftakeError } from "../runtime/errors.ts";
import { bind, knownColumns } from "./apply-merged.ts";
import { textOf } from "./array-parameter.ts";
import { Change, type ChangeLog } from "./change-log.ts";
import { keylessDeleteStatement, keylessUpdateStatement } from "./keyless.ts";
import { RowSet } from "./row-set.ts";
import { deleteStatement, insertStatement, moveStatement, type Statement, truncateSql, updateStatement, upsertStatement } from "./statements.ts";
import type { TargetTable } from "./target-table.ts";

/** What was found at the target instead of the row that the stream takes for granted. */
export type ConflictKind = "create-exists" | "update-missing" | "delete-missing" | "partial-missing";

export interface Conflict {
  readonly kind: ConflictKind;
  readonly table: string;
  readonly key: string;
  readonly offset: number;
}

export interface InOrder {
  readonly log: ChangeLog;
  readonly tables: readonly TargetTable[];
  readonly from: number;
  readonly to: number;
  /** Of the source transaction that the changes belong to. */
  readonly commitLsn: bigint;
  /** Whether rows of this table of the source may be missing at the target because they were never copied. */
  readonly uncopied: (schema: string, table: string) => boolean;
  readonly conflict: (conflict: Conflict) => void;
}

/** @throws OfftakeError EVENT_NOT_APPLICABLE, TARGET_ROW_MISSING; the server's own error where it is not the event's fault */
export async function applyInOrder(client: Client, context: InOrder): Promise<void> {
  const { log, from, to } = context;
  for (let change = from; change < to; change += 1) {
    if (log.op[change] === Change.truncate) {
      const first = change;
      while (change + 1 < to && log.op[change + 1] === Change.truncate) change += 1;
      await truncate(client, context, first, change);
    } else await applyRow(client, context, change);
  }
}

async function truncate(client: Client, context: InOrder, first: number, last: number): Promise<void> {
  const { log, tables } = context;
  const named = Array.from({ length: last - first + 1 }, (_, i) => tables[log.plan[first + i]!]!);
  try {
    await client.query(truncateSql(named));
  } catch (error) {
    // A table of the target's own refers to one of them: 0A000.
    if (sqlState(error) !== "0A000") throw error;
    throw notApplicable(context, first, error);
  }
}

async function applyRow(client: Client, context: InOrder, change: number): Promise<void> {
  const { log, tables } = context;
  const table = tables[log.plan[change]!]!;
  const keyed = table.plan.keys.length > 0;
  const rows = RowSet.of([change]);
  const run = async (statement: Statement): Promise<QueryResult> => {
    const { sql, values, name } = bind(log, statement, rows);
    try {
      return await client.query({ ...(name === undefined ? {} : { name }), text: sql, values });
    } catch (error) {
      const state = sqlState(error);
      if (state?.startsWith("22") === true || state?.startsWith("23") === true) throw notApplicable(context, change, error);
      throw error;
    }
  };
  const conflict = (kind: ConflictKind): void =>
    context.conflict({ kind, table: table.shown, key: keyText(log, table, change), offset: log.offset[change]! });
  // An identity column that is GENERATED ALWAYS takes a value from an INSERT only.
  const replaces = table.columns.some((column) => column.identityAlways);
  const put = async (): Promise<boolean> => {
    if (keyed && !replaces) return (await run(upsertStatement(table))).rows[0]?.existed === true;
    const existed = keyed && (await run(deleteStatement(table))).rowCount === 1;
    await run(insertStatement(table));
    return existed;
  };
  const known = knownColumns(log, change);
  const missing = async (): Promise<void> => {
    if (known.every(Boolean)) {
      conflict("update-missing");
      await put();
    } else if (context.uncopied(table.plan.schema, table.plan.table)) conflict("partial-missing");
    else throw rowMissing(context, table, change);
  };
  switch (log.op[change]!) {
    case Change.create:
      if (await put()) conflict("create-exists");
      break;
    case Change.update:
      if ((await run(updateOf(table, known, keyed, replaces))).rowCount === 0) await missing();
      break;
    case Change.move:
      if ((await run(moveStatement(table, known))).rowCount === 0) await missing();
      break;
    case Change.delete:
      if ((await run(keyed ? deleteStatement(table) : keylessDeleteStatement(table))).rowCount === 0) conflict("delete-missing");
      break;
  }
}

function updateOf(table: TargetTable, known: readonly boolean[], keyed: boolean, replaces: boolean): Statement {
  if (!keyed) return keylessUpdateStatement(table);
  return replaces ? moveStatement(table, known, "row") : updateStatement(table, known);
}

/** The key as messages name it: (id)=(42). */
function keyText(log: ChangeLog, table: TargetTable, change: number): string {
  const { plan } = table;
  if (plan.keys.length === 0) return "(no key)";
  const bytes = log.buffers[log.buffer[change]!]!;
  const values = plan.keys.map((key) => {
    const at = log.row[change]! + key;
    return log.start[at] === -1 ? "null" : textOf(bytes, log.start[at]!, log.end[at]!, plan.columns[key]!.form).slice(0, 100);
  });
  return `(${plan.keys.map((key) => plan.columns[key]!.name).join(", ")})=(${values.join(", ")})`;
}

const opNames: Readonly<Record<number, string>> = {
  [Change.create]: "create",
  [Change.update]: "update",
  [Change.delete]: "delete",
  [Change.truncate]: "truncate",
  [Change.move]: "change of key",
};

function eventText(context: InOrder, change: number): string {
  const { log, tables, commitLsn } = context;
  const table = tables[log.plan[change]!]!;
  const key = log.op[change] === Change.truncate ? "" : ` ${keyText(log, table, change)}`;
  return `the ${opNames[log.op[change]!]} of ${table.shown}${key}, position ${formatLsn(commitLsn)}:${log.sequence[change]}, offset ${log.offset[change]}`;
}

function notApplicable(context: InOrder, change: number, error: unknown): OfftakeError {
  const detail = error instanceof DatabaseError ? error.detail : undefined;
  return new OfftakeError(
    "EVENT_NOT_APPLICABLE",
    `The target refuses ${eventText(context, change)}: ${messageOf(error)}${detail === undefined ? "" : ` (${detail})`} [${sqlState(error)}].`,
    {
      cause: error,
      cure: "Change the target's column or constraint so that it takes the row, or remove what stands in its way; the applier goes on by itself.",
    },
  );
}

function rowMissing(context: InOrder, table: TargetTable, change: number): OfftakeError {
  return new OfftakeError(
    "TARGET_ROW_MISSING",
    `The row of ${eventText(context, change)} is not in ${table.shown}, and the event does not hold its unchanged columns.`,
    {
      cure: "Somebody deleted it at the target. Put it back from the monolith; the applier goes on by itself.",
    },
  );
}
