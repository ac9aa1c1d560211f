/**
 * Which errors of the target are the event's own, so that the event may be put aside. Taken for poison, a full disk or a lock parks every key that comes by while it
 * lasts, and a service that only had to wait is left with a thousand rows that are old.
 *
 * Pure. Source: PostgreSQL documentation, "PostgreSQL Error Codes", classes 22 (data exception) and 23 (integrity constraint violation).
 */
import { sqlState } from "../../connectors/postgres/session.ts";
import { OfftakeError } from "../runtime/errors.ts";

/** Whether one row was refused for what is in it. What a deferred constraint refuses at the commit names no row, and is none of these. */
export function isPoison(error: unknown): error is OfftakeError {
  if (!(error instanceof OfftakeError) || error.code !== "EVENT_NOT_APPLICABLE") return false;
  const state = sqlState(error.cause);
  return state !== undefined && (state.startsWith("22") || state.startsWith("23"));
}
