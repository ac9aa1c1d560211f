/**
 * Applies changes one by one, in the order in which the monolith made them: the way that is always right, and fifty times slower. It is taken for
 * tables whose triggers or foreign keys are awake, and where merged statements did not fit the target's rows; there it finds out which row it was.
 *
 * Where the target's row is not what the stream takes it to be, the source wins: a row that is there already is written over, one that is missing is
 * inserted, one that is gone already stays gone. Each is counted and logged. Only an update that lacks columns cannot put back a missing row.
 *
 * Source: ARCHITECTURE.md, "Conflicts"; PostgreSQL documentation, "PostgreSQL Error Codes", classes 22 and 23.
 */
import type { Client, QueryResult } from "pg";
import { sqlState } from "../../connectors/postgres/session.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { bind, knownColumns } from "./apply-merged.ts";
import { Change, type ChangeLog } from "./change-log.ts";
import { keylessDeleteStatement, keylessReplaceStatement, keylessUpdateStatement } from "./keyless.ts";
import type { ByteArena } from "./byte-arena.ts";
import { eventText, keyText, narrowColumns } from "./named-event.ts";
import type { RowParking } from "./row-parking.ts";
import { RowSet } from "./row-set.ts";
import {
  deleteStatement,
  insertStatement,
  lockStatement,
  movesByReplacing,
  moveStatement,
  type Statement,
  truncateSql,
  updateStatement,
  upsertStatement,
} from "./statements.ts";
import { eventRefused, verdictOf } from "./target-error.ts";
import type { TargetTable } from "./target-table.ts";

/** What was found at the target instead of the row that the stream takes for granted. */
export type ConflictKind = "create-exists" | "update-missing" | "delete-missing" | "partial-missing" | "move-exists";

export interface Conflict {
  readonly kind: ConflictKind;
  readonly table: string;
  readonly key: string;
  readonly offset: number;
  /** 1, but for rows that one statement was to touch. */
  readonly rows: number;
}

export interface InOrder {
  readonly log: ChangeLog;
  readonly tables: readonly TargetTable[];
  readonly from: number;
  readonly to: number;
  /** Whether triggers or foreign keys of any of the tables act. */
  readonly awake: boolean;
  /** Of the source transaction that the changes belong to. */
  readonly commitLsn: bigint;
  /** For each plan of the log whether rows of its table may be missing at the target because they were never copied. */
  readonly uncopied: readonly boolean[];
  readonly conflict: (conflict: Conflict) => void;
  /** For the parameters of one statement at a time. */
  readonly arena: ByteArena;
  /** Where keys of the service are parked, or may be. */
  readonly parking?: RowParking | undefined;
  /** Whether rows that a copy or a repair has read leave before the first of them comes: some of them have had unique values of others. */
  readonly renewed?: boolean;
}

/** @throws OfftakeError EVENT_NOT_APPLICABLE, TARGET_ROW_MISSING, TARGET_KEY_AMBIGUOUS, TARGET_TABLE_UNSUITABLE; the server's own error where it is not the event's fault */
export async function applyInOrder(client: Client, context: InOrder): Promise<void> {
  const { log, from, to } = context;
  for (let change = from; change < to; change += 1) {
    if (context.renewed === true && log.op[change] === Change.read && !follows(log, from, change)) await clear(client, context, change);
    if (log.op[change] === Change.truncate) {
      const first = change;
      while (change + 1 < to && log.op[change + 1] === Change.truncate) change += 1;
      await context.parking?.truncating(first, change);
      await truncate(client, context, first, change);
    } else if (context.parking === undefined) await applyRow(client, context, change);
    else await context.parking.row(change, async () => applyRow(client, context, change));
  }
}

/** Whether it is of the same run of rows that were read as the change before it. */
function follows(log: ChangeLog, from: number, change: number): boolean {
  return change > from && log.op[change - 1] === Change.read && log.plan[change - 1] === log.plan[change];
}

/** Takes away the rows of the run that begins here. Not where that would take more than what the events bring back, as a trigger may, or before the events do. */
async function clear(client: Client, { log, tables, arena, from, to, parking }: InOrder, first: number): Promise<void> {
  const table = tables[log.plan[first]!]!;
  if (table.extra.length > 0 || table.referenced || table.observed || parking?.concerns(first) === true || table.plan.keys.length === 0) return;
  const run = [first];
  for (let change = first + 1; change < to && log.op[change] === Change.read && follows(log, from, change); change += 1) run.push(change);
  arena.reset();
  const { sql, values, name } = bind(log, arena, deleteStatement(table), RowSet.of(run));
  await client.query({ ...(name === undefined ? {} : { name }), text: sql, values });
}

async function truncate(client: Client, context: InOrder, first: number, last: number): Promise<void> {
  const { log, tables, awake } = context;
  const sql = truncateSql(Array.from({ length: last - first + 1 }, (_, i) => tables[log.plan[first + i]!]!));
  try {
    if (awake) await truncateAwake(client, sql);
    else await client.query(sql);
  } catch (error) {
    throw judged(context, first, error);
  }
}

/** A table whose deferred constraints have something left to check cannot be truncated: they are checked first, as they were at the source. */
async function truncateAwake(client: Client, sql: string): Promise<void> {
  await client.query("SAVEPOINT truncate");
  try {
    await client.query(sql);
  } catch (error) {
    if (sqlState(error) !== "55006") throw error;
    await client.query("ROLLBACK TO SAVEPOINT truncate; SET CONSTRAINTS ALL IMMEDIATE");
    await client.query(sql);
    await client.query("SET CONSTRAINTS ALL DEFERRED");
  }
  await client.query("RELEASE SAVEPOINT truncate");
}

async function applyRow(client: Client, context: InOrder, change: number): Promise<void> {
  try {
    await new RowChange(client, context, change).apply();
  } catch (error) {
    throw judged(context, change, error);
  }
}

class RowChange {
  readonly #client: Client;
  readonly #context: InOrder;
  readonly #change: number;
  readonly #table: TargetTable;
  readonly #keyed: boolean;
  readonly #known: readonly boolean[];
  readonly #uncopied: boolean;

  constructor(client: Client, context: InOrder, change: number) {
    this.#client = client;
    this.#context = context;
    this.#change = change;
    this.#table = context.tables[context.log.plan[change]!]!;
    this.#keyed = this.#table.plan.keys.length > 0;
    this.#known = knownColumns(context.log, change);
    this.#uncopied = context.uncopied[context.log.plan[change]!] === true;
  }

  async apply(): Promise<void> {
    const table = this.#table;
    switch (this.#context.log.op[this.#change]!) {
      case Change.create:
        if (await this.#put()) this.#conflict("create-exists");
        break;
      case Change.read:
        await this.#put();
        break;
      case Change.update:
        if (!(await this.#update())) await this.#missing();
        break;
      case Change.move:
        // Where foreign keys act one of the target's own may have moved the row with its parent already.
        if (!(await this.#move()) && !(table.awake && (await this.#update()))) await this.#missing();
        break;
      case Change.absent:
        await this.#run(deleteStatement(table));
        break;
      case Change.delete:
        // Where foreign keys act one of the target's own may have taken the row with its parent already.
        if (!(await this.#run(this.#keyed ? deleteStatement(table) : keylessDeleteStatement(table))) && !table.awake && !this.#uncopied)
          this.#conflict("delete-missing");
        break;
    }
  }

  /** @returns whether a row was there already */
  async #put(): Promise<boolean> {
    const table = this.#table;
    // A partitioned table cannot return xmax, which tells new rows from old ones.
    if (this.#keyed && table.arbiter && !table.replaces && !table.partitioned) {
      const { rows, rowCount } = await this.#send(upsertStatement(table));
      return rowCount === 0 || rows[0]?.existed === true;
    }
    if (this.#keyed && (await this.#overwrite())) return true;
    await this.#run(insertStatement(table));
    return false;
  }

  /** @returns whether the row was there */
  async #update(): Promise<boolean> {
    const table = this.#table;
    if (!this.#keyed) return (await this.#run(keylessUpdateStatement(table))) || this.#replaceKeyless();
    if (await this.#run(updateStatement(table, this.#known))) return true;
    return table.replaces && this.#replace("row");
  }

  /** The row has another number of its identity column than before. @returns whether the row was there */
  async #replaceKeyless(): Promise<boolean> {
    const table = this.#table;
    if (!movesByReplacing(table)) return false;
    if (table.referenced) throw identityInTheWay(table);
    return this.#run(keylessReplaceStatement(table));
  }

  /** The key, too: equal is not the same (1.0 and 1.00; citext). @returns whether the row was there */
  async #overwrite(): Promise<boolean> {
    return movesByReplacing(this.#table) ? this.#update() : this.#replace("row");
  }

  /** @param oldSide where the key is by which the row is found. @returns whether the row was there */
  async #replace(oldSide: "row" | "old"): Promise<boolean> {
    const table = this.#table;
    if (movesByReplacing(table) && table.referenced) {
      if (await this.#run(lockStatement(table, oldSide))) throw identityInTheWay(table);
      return false;
    }
    return this.#run(moveStatement(table, this.#known, oldSide));
  }

  /** Where a row of the target has the new key, it has to give way: the source has no such row. @returns whether the row was there */
  async #move(): Promise<boolean> {
    await this.#client.query("SAVEPOINT move");
    const moved = await this.#replace("old").catch(async (error: unknown) => {
      if (sqlState(error) !== "23505") throw error;
      await this.#client.query("ROLLBACK TO SAVEPOINT move");
      if (!(await this.#run(deleteStatement(this.#table)))) throw error;
      this.#conflict("move-exists");
      return this.#replace("old");
    });
    await this.#client.query("RELEASE SAVEPOINT move");
    return moved;
  }

  /** The source wins: the row is put back where the event has all of it. */
  async #missing(): Promise<void> {
    if (this.#known.every(Boolean)) {
      if (!this.#uncopied) this.#conflict("update-missing");
      await this.#put();
    } else if (this.#uncopied) this.#conflict("partial-missing");
    else throw rowMissing(this.#context, this.#table, this.#change);
  }

  /** @returns whether it touched a row */
  async #run(statement: Statement): Promise<boolean> {
    const { rowCount } = await this.#send(statement);
    if (rowCount !== null && rowCount > 1) throw keyAmbiguous(this.#context, this.#table, this.#change);
    return rowCount !== 0;
  }

  async #send(statement: Statement): Promise<QueryResult<{ existed?: boolean }>> {
    const { log, arena } = this.#context;
    arena.reset();
    const { sql, values, name } = bind(log, arena, statement, RowSet.of([this.#change]));
    return this.#client.query({ ...(name === undefined ? {} : { name }), text: sql, values });
  }

  #conflict(kind: ConflictKind): void {
    const { log, conflict } = this.#context;
    conflict({ kind, table: this.#table.shown, key: keyText(log, this.#table, this.#change), offset: log.offset[this.#change]!, rows: 1 });
  }
}

/** An error that is the event's own names it; all others stay what they are. */
function judged(context: InOrder, change: number, error: unknown): unknown {
  if (verdictOf(error) !== "event") return error;
  const table = context.tables[context.log.plan[change]!]!;
  const read = context.log.op[change] === Change.read;
  return eventRefused(eventText(context, change), error, {
    table: table.name,
    misfits: narrowColumns(context.log, table, change),
    read,
    hidden: table.hidden,
  });
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

function keyAmbiguous(context: InOrder, table: TargetTable, change: number): OfftakeError {
  const keys = table.columns.filter((column) => column.key).map((column) => column.name);
  return new OfftakeError("TARGET_KEY_AMBIGUOUS", `${table.shown} has several rows for ${eventText(context, change)}.`, {
    cure: `Remove all of them but one, and keep it so: CREATE UNIQUE INDEX ON ${table.name} (${keys.join(", ")}); the applier goes on by itself.`,
  });
}

/** A row that is referred to cannot go and come again: its children would be taken with it, or keep it from going. */
function identityInTheWay(table: TargetTable): OfftakeError {
  const identities = table.columns.filter((column) => column.identityAlways);
  return new OfftakeError(
    "TARGET_TABLE_UNSUITABLE",
    `A row of ${table.shown} has to change ${identities.map((column) => column.name).join(", ")}, which is GENERATED ALWAYS AS IDENTITY, and foreign keys refer to it.`,
    {
      cure: `${identities.map((column) => `ALTER TABLE ${table.name} ALTER COLUMN ${column.name} SET GENERATED BY DEFAULT;`).join(" ")} The applier goes on by itself.`,
    },
  );
}
