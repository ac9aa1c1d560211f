/** Answers of the API as the page reads them. Names are the API's (docs/openapi.json); null is what is not known, or not yet. */
import type { ShownAlert, ShownCopy, ShownPass, Trouble } from "./shown-status.ts";

/** Each may do what those before it may. */
export const roles = ["viewer", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

/** `GET /key`: whose key it is. */
export interface KeyHolder {
  readonly name: string;
  readonly role: Role;
}

export interface Job {
  readonly id: string;
  readonly kind: "copy" | "reconcile" | "repair";
  readonly service: string;
  readonly tables: readonly string[];
  readonly options?: { readonly dryRun?: boolean; readonly level?: string; readonly reason?: string };
  readonly state: "waiting" | "running" | "done" | "failed" | "cancelled";
  readonly progress: string | null;
  readonly rows: number | null;
  readonly estimatedRows: number | null;
  readonly secondsLeft: number | null;
  readonly error: string | null;
  readonly result: unknown;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export type RowKey = Readonly<Record<string, string | null>>;

export interface ColumnDifference {
  readonly name: string;
  readonly source: string | null;
  readonly target: string | null;
}

export interface Mismatch {
  readonly service: string;
  readonly table: string;
  readonly kind: "missing" | "extra" | "differing";
  readonly key: RowKey;
  /** Of a differing row. Of a redacted value it has a word in brackets, another one for another value. */
  readonly detail: { readonly columns?: readonly ColumnDifference[]; readonly sourcePosition?: string; readonly targetPosition?: string };
  readonly foundAt: string;
}

/** An event that is not applied. */
export interface Letter {
  /** `service:number`. */
  readonly id: string;
  readonly table: string;
  readonly op: string;
  readonly key: string;
  readonly position: string;
  readonly since: string;
  readonly error: string | null;
  readonly cure: string | null;
}

/** The first of its queue, and how much waits with it. */
export interface LetterQueue extends Letter {
  readonly service: string;
  readonly deadLetters: number;
  readonly keys: number;
}

/** `GET /dead-letters`. */
export interface LetterQueues {
  readonly queues: readonly LetterQueue[];
  readonly errors: readonly (Trouble & { readonly service: string })[];
}

/** `GET /dead-letters/:id`. */
export interface LetterDetail {
  readonly waiting: number;
  readonly keys: number;
  readonly deadLetters: readonly (Letter & { readonly row: RowKey })[];
}

export interface AuditEntry {
  readonly id: string;
  readonly at: string;
  readonly who: string;
  readonly action: string;
  readonly service: string;
  readonly subject: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** `GET /services/:service/tables`. */
export interface TableRow {
  readonly table: string;
  readonly rows: number | null;
  readonly pass: Omit<ShownPass, "table"> | null;
  readonly mismatches: { readonly missing: number; readonly extra: number; readonly differing: number } | null;
  readonly copy: ShownCopy | null;
  readonly needsCopy: string | null;
  readonly parkedKeys: number | null;
  readonly deadLetters: number | null;
  readonly alerts: readonly Omit<ShownAlert, "table">[];
}

/** `GET /services/:service/history`: columns of the same length, oldest first. */
export interface History {
  readonly everySeconds: number;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly captureBytes: readonly (number | null)[];
  readonly captureSeconds: readonly (number | null)[];
  readonly applyBytes: readonly (number | null)[];
  readonly applySeconds: readonly (number | null)[];
  readonly applyEvents: readonly (number | null)[];
  readonly eventsPerSecond: readonly (number | null)[];
  readonly retainedBytes: readonly (number | null)[];
}

/** Of a pass; a repair has the same, found and left. */
export interface WrongRows {
  readonly missing: readonly { readonly key: RowKey }[];
  readonly extra: readonly { readonly key: RowKey }[];
  readonly differing: readonly { readonly key: RowKey; readonly columns: readonly ColumnDifference[] }[];
  readonly undecided: readonly { readonly key: RowKey; readonly waitsFor: string }[];
}

export interface TableRepair {
  readonly table: string;
  readonly verdict: string;
  readonly reason: string | null;
  readonly found: WrongRows;
  readonly left: WrongRows | null;
}
