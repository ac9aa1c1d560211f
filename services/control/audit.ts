/**
 * What was done through Offtake, by whom, and what it changed. Rows are only added: an audit that can be mended is none.
 *
 * Source: schemas/control-schema.ts.
 */
import type { ControlSession } from "./control-session.ts";

export interface AuditEntry {
  readonly who: string;
  /** A word, as `repair`. */
  readonly action: string;
  readonly service: string;
  /** What it was done to: a table as schema.table. */
  readonly subject: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** @throws what ControlSession.query() does */
export async function writeAudit(control: ControlSession, { who, action, service, subject, before, after }: AuditEntry): Promise<void> {
  await control.query("INSERT INTO offtake.audit (who, action, service, subject, before, after) VALUES ($1, $2, $3, $4, $5, $6)", [
    who,
    action,
    service,
    subject,
    JSON.stringify(before),
    JSON.stringify(after),
  ]);
}

const readSql = `
  SELECT id::text, at, who, action, service, subject, before, after
    FROM offtake.audit
   WHERE service = ANY ($1)
   ORDER BY offtake.audit.id DESC LIMIT $2`;

/** @returns newest first. @throws what ControlSession.query() does */
export async function readAudit(control: ControlSession, services: readonly string[], limit: number): Promise<Readonly<Record<string, unknown>>[]> {
  return (await control.query<Record<string, unknown>>(readSql, [services, limit])).rows;
}
