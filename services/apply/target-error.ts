/**
 * What an error of the target says about the batch that met it. Taken for busy, an event that nobody can apply is tried for ever in silence; taken
 * for the event's fault, a full disk stops a service until somebody comes.
 *
 * Pure. Source: PostgreSQL documentation, "PostgreSQL Error Codes".
 */
import { DatabaseError, escapeIdentifier } from "pg";
import { isUnreachable, sessionError, sqlState } from "../../connectors/postgres/session.ts";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { messageOf, OfftakeError } from "../runtime/errors.ts";
import { quotedName } from "../runtime/table-pattern.ts";
import type { Misfit } from "./misfit.ts";

/**
 * - `busy`: it may succeed as it is: deadlock, lock, time-out, disk, memory, a server that is a standby just now
 * - `unreachable`: the session is gone
 * - `changed`: a table or column that was there is not
 * - `refused`: the role lacks a right
 * - `event`: everything else: the rows do not fit, and applying them one by one shows which
 */
export type TargetVerdict = "busy" | "unreachable" | "changed" | "refused" | "event";

const busy: ReadonlySet<string> = new Set(["55P03", "57014", "25006"]);
const changed: ReadonlySet<string> = new Set(["42P01", "42703", "3F000"]);

export function verdictOf(error: unknown): TargetVerdict {
  const state = sqlState(error);
  if (state === undefined) return "unreachable";
  if (busy.has(state) || ["40", "53", "58"].some((kind) => state.startsWith(kind))) return "busy";
  if (isUnreachable(error)) return "unreachable";
  if (changed.has(state)) return "changed";
  return state === "42501" ? "refused" : "event";
}

/** The table of an event that is refused: quoted, and the columns that are too narrow for the row. */
export interface RefusedRow {
  readonly table: string;
  readonly misfits: readonly Misfit[];
  /** Whether a copy or a repair has read it. */
  readonly read?: boolean;
  /** Whether it has values that nobody may see, some of which the server may repeat. */
  readonly hidden?: boolean | undefined;
}

/**
 * The error of an event that the target does not take.
 *
 * @param what names the event, with key and position
 * @param row undefined where it is not known which row it was
 */
export function eventRefused(what: string, thrown: unknown, row?: RefusedRow): OfftakeError {
  const error = row?.hidden === true && thrown instanceof DatabaseError ? withoutValues(thrown) : thrown;
  const detail = error instanceof DatabaseError && error.detail !== undefined ? ` (${error.detail})` : "";
  const narrow = (row?.misfits ?? []).map(({ name, type }) => `; the column ${name} is ${type}`).join("");
  return new OfftakeError("EVENT_NOT_APPLICABLE", `The target refuses ${what}: ${messageOf(error)}${detail} [${sqlState(error)}]${narrow}.`, {
    cause: error,
    cure: `${refusalCure(error, row)} The applier goes on by itself.`,
  });
}

/**
 * The detail of a constraint is the whole row, and the message of a text that cannot be read is the text: both would be in logs, answers and dead letters. What names a constraint names no value.
 */
function withoutValues({ message, code, schema, table, column, constraint }: DatabaseError): DatabaseError {
  const shown = code?.startsWith("23") === true ? message : "what the server says of it may be a value that nobody may see";
  return Object.assign(new DatabaseError(shown, 0, "error"), { code, schema, table, column, constraint });
}

/** unique_violation, exclusion_violation: another row has what only one may have. */
export function isTaken(state: string | undefined): boolean {
  return state === "23505" || state === "23P01";
}

function refusalCure(error: unknown, row: RefusedRow | undefined): string {
  if (row !== undefined && row.misfits.length > 0)
    return row.misfits.map(({ name, wider }) => `ALTER TABLE ${row.table} ALTER COLUMN ${name} TYPE ${wider};`).join(" ");
  const { schema, table, column, constraint } = error instanceof DatabaseError ? error : {};
  const named = schema === undefined || table === undefined ? undefined : quotedName({ schema, table });
  const state = sqlState(error);
  if (state === "23502" && named !== undefined && column !== undefined)
    return `ALTER TABLE ${named} ALTER COLUMN ${escapeIdentifier(column)} DROP NOT NULL; or give the column a default.`;
  if (state === "23514" && named !== undefined && constraint !== undefined)
    return `ALTER TABLE ${named} DROP CONSTRAINT ${escapeIdentifier(constraint)}; or one that the monolith's rows keep, too.`;
  if (isTaken(state) && row?.read === true)
    return `Remove the row of ${row.table} that stands in its way: if the monolith has it, the copy brings it, or the next repair.`;
  // What an enum does not know comes as text that cannot be read.
  const lacking = state === "22P02" ? "; an enum that lacks the value: ALTER TYPE … ADD VALUE …" : "";
  return `Change the target's column or constraint so that it takes the row, or remove what stands in its way${lacking}.`;
}

/** The error as ours, for everything that names no event of its own. */
export function targetError(error: unknown, service: ServiceConfiguration): OfftakeError {
  if (error instanceof OfftakeError) return error;
  const state = sqlState(error);
  const where = `The target of ${service.name}`;
  const why = `${messageOf(error)} [${state}]`;
  switch (verdictOf(error)) {
    case "busy":
      return new OfftakeError("TARGET_BUSY", `${where} could not take a batch: ${why}.`, {
        cause: error,
        cure: "Nothing of it was applied; it is tried again.",
      });
    case "changed":
      return new OfftakeError(state === "42703" ? "TARGET_COLUMN_MISSING" : "TARGET_TABLE_MISSING", `${where} has changed: ${why}.`, {
        cause: error,
      });
    case "unreachable":
    case "refused":
      return sessionError(error, "target", service.target.url);
    case "event":
      return new OfftakeError("EVENT_NOT_APPLICABLE", `${where} refuses a batch: ${why}.`, { cause: error });
  }
}
