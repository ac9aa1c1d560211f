import type { ErrorCode } from "../runtime/error-codes.ts";

/** One thing that `offtake check` found. */
export interface Finding {
  /** A fault keeps Offtake from working, or loses events; a warning will hurt later; a note is worth knowing. */
  readonly level: "fault" | "warning" | "note";
  /** Such as `source`, `service trading-engine`, `topic offtake.trading-engine`. */
  readonly where: string;
  readonly what: string;
  /** The command or SQL that mends it; empty where nothing has to be done. */
  readonly cure: string;
  /** Of the error for which it could not be looked at. */
  readonly code?: ErrorCode;
}

export function fault(where: string, what: string, cure: string): Finding {
  return { level: "fault", where, what, cure };
}

export function warning(where: string, what: string, cure: string): Finding {
  return { level: "warning", where, what, cure };
}

export function note(where: string, what: string): Finding {
  return { level: "note", where, what, cure: "" };
}
