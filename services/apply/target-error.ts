/**
 * What an error of the target says about the batch that met it. Taken for busy, an event that nobody can apply is tried for ever in silence; taken
 * for the event's fault, a full disk stops a service until somebody comes.
 *
 * Pure. Source: PostgreSQL documentation, "PostgreSQL Error Codes".
 */
import { DatabaseError } from "pg";
import { isUnreachable, sessionError, sqlState } from "../../connectors/postgres/session.ts";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { messageOf, OfftakeError } from "../runtime/errors.ts";

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

/**
 * The error of an event that the target does not take.
 *
 * @param what names the event, with key and position
 */
export function eventRefused(what: string, error: unknown): OfftakeError {
  const detail = error instanceof DatabaseError && error.detail !== undefined ? ` (${error.detail})` : "";
  return new OfftakeError("EVENT_NOT_APPLICABLE", `The target refuses ${what}: ${messageOf(error)}${detail} [${sqlState(error)}].`, {
    cause: error,
    // What an enum does not know comes as text that cannot be read.
    cure: `Change the target's column or constraint so that it takes the row, or remove what stands in its way${
      sqlState(error) === "22P02" ? "; an enum that lacks the value: ALTER TYPE … ADD VALUE …" : ""
    }; the applier goes on by itself.`,
  });
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
