/**
 * Creates a service's tables at its target, from the monolith's catalogs: everything or nothing.
 *
 * Half a schema would be taken for a whole one by the next run, which leaves alone what is there. So it is one transaction, under an advisory lock
 * against a second run at the same time, and any statement that fails undoes all. The exception are statements that may do without (see
 * Statement.optional): each has a savepoint, and when the target lacks what it names it goes on the list of what was left out.
 *
 * Source: PostgreSQL documentation, "PostgreSQL Error Codes", SAVEPOINT.
 */
import { DatabaseError, type ClientBase } from "pg";
import { catalogSettings } from "../../connectors/postgres/catalog-session.ts";
import { readCatalog } from "../../connectors/postgres/catalog.ts";
import { sqlState } from "../../connectors/postgres/session.ts";
import { inTransaction } from "../../connectors/postgres/transaction-scope.ts";
import { messageOf, OfftakeError } from "../runtime/errors.ts";
import type { TableName } from "../runtime/table-pattern.ts";
import { readTargetContents } from "./create-existing.ts";
import { mappedSchema } from "./create-names.ts";
import { planTables, type TablePlan } from "./create-plan.ts";
import type { LeftOut, Statement } from "./create-statement.ts";

export interface CreateTablesOptions {
  /** Connected, neither in a transaction, with pg's default type parsers. */
  source: ClientBase;
  target: ClientBase;
  /** For messages. */
  service: string;
  /** Tables of the source that the service owns. */
  tables: readonly TableName[];
  /** Where those of schema public go. */
  targetSchema: string;
  /** Tables of the source that other services own: a foreign key of theirs to one of these is on their list of what was left out, and not on this one too. */
  elsewhere?: readonly TableName[];
}

export type CreatedTables = Pick<TablePlan, "created" | "present" | "reused" | "leftOut">;

/**
 * A second run creates nothing: tables that are there are left alone, whatever their shape, and are `present` in the answer.
 *
 * @throws OfftakeError TARGET_EXTENSION_MISSING, TARGET_TYPE_MISSING, TARGET_TABLES_REFUSED, CATALOG_CHANGED; errors of pg when a session breaks
 */
export async function createTables({ source, target, service, tables, targetSchema, elsewhere }: CreateTablesOptions): Promise<CreatedTables> {
  const catalog = await readCatalog(source, tables, [mappedSchema]);
  for (const { schema, table } of tables)
    if (!catalog.tables.some((each) => each.schema === schema && each.name === table))
      throw new OfftakeError("CATALOG_CHANGED", `The source has no table ${schema}.${table} any more.`, { cure: "Run the command again." });
  // Not a snapshot: what is there is read after the lock, when a run before this one has committed.
  return inTransaction(target, `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ${catalogSettings([])}`, async () => {
    await run(target, lock, targetLacks, service);
    const existing = await readTargetContents(target);
    const plan = planTables(catalog, existing, targetSchema, elsewhere);
    const tolerated = major(existing.version) < major(catalog.version) ? new Set([...targetLacks, ...targetIsOlder]) : targetLacks;
    await target.query(catalogSettings(plan.searchPath));
    const leftOut: LeftOut[] = [];
    for (const statement of plan.statements) {
      const why = await run(target, statement, tolerated, service);
      if (why !== null) leftOut.push({ what: statement.what, why });
    }
    const { created, present, reused } = plan;
    return { created, present, reused, leftOut: [...plan.leftOut, ...leftOut] };
  });
}

const lock: Statement = {
  sql: "SELECT pg_advisory_xact_lock(hashtextextended('offtake: create tables', 0))",
  what: "lock against a second run at the same time",
  optional: false,
};

/**
 * @param tolerated SQLSTATEs with which an optional statement may fail
 * @returns why the target does without it, or null when it is done
 */
async function run(target: ClientBase, { sql, what, optional }: Statement, tolerated: ReadonlySet<string>, service: string): Promise<string | null> {
  try {
    await target.query(optional ? `SAVEPOINT offtake_statement; ${sql}; RELEASE SAVEPOINT offtake_statement` : sql);
    return null;
  } catch (error) {
    const state = sqlState(error);
    // Not what a server said: the session broke.
    if (state === undefined) throw error;
    if (optional && tolerated.has(state)) {
      await target.query("ROLLBACK TO SAVEPOINT offtake_statement; RELEASE SAVEPOINT offtake_statement");
      return `the target says: ${messageOf(error)}`;
    }
    throw new OfftakeError("TARGET_TABLES_REFUSED", `The target of service ${service} refuses the ${what}: ${whole(error)} (${state}).`, {
      cause: error,
      cure: "Nothing was created. Mend what it says, or create that table at the target by hand, and run this again.",
    });
  }
}

/** With PostgreSQL's detail and hint, which are what helps. No row is in them: the tables are empty. */
function whole(error: unknown): string {
  const { detail, hint } = error instanceof DatabaseError ? error : {};
  return [messageOf(error), detail, hint].filter((part) => part !== undefined).join("; ");
}

/** What is said of a statement that names something the target does not have, or has otherwise. */
const targetLacks: ReadonlySet<string> = new Set([
  "42883", // undefined_function, also of operators
  "42704", // undefined_object: type, collation, operator class
  "42P01", // undefined_table, also of a sequence in nextval
  "42703", // undefined_column, of a table that was there
  "3F000", // invalid_schema_name
  "42830", // invalid_foreign_key: a table that was there has no fitting key
  "42804", // datatype_mismatch, with a table or type that was there
  "42P17", // invalid_object_definition: the target's function of that name is not immutable
]);

/** What a server says that does not know what a newer one has printed. */
const targetIsOlder: readonly string[] = [
  "42601", // syntax_error
  "0A000", // feature_not_supported
];

function major(version: number): number {
  return Math.floor(version / 10_000);
}
