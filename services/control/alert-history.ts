/**
 * Alerts in the control database: each with when it was raised and cleared, so that a process that is started again neither raises one twice nor forgets one.
 *
 * Every function throws what ControlSession.query() does. Source: schemas/control-schema.ts.
 */
import type { Alert } from "../reconcile/alert-decision.ts";
import type { ControlSession } from "./control-session.ts";

const newestSql = `
  SELECT DISTINCT ON (table_name, kind) table_name AS "table", kind, detail, raised_at, cleared_at
    FROM offtake.alert
   WHERE connector = $1
   ORDER BY table_name, kind, id DESC`;

type Row = Pick<Alert, "table" | "kind" | "detail"> & { raised_at: Date; cleared_at: Date | null };

/** @returns the newest of each table and kind, in order of their names */
export async function readAlerts(control: ControlSession, connector: string): Promise<Alert[]> {
  const { rows } = await control.query<Row>(newestSql, [connector]);
  return rows.map(({ table, kind, detail, raised_at: raisedAt, cleared_at: clearedAt }) => ({
    table,
    kind,
    detail,
    raisedAt: raisedAt.toISOString(),
    clearedAt: clearedAt?.toISOString() ?? null,
  }));
}

export async function recordAlert(
  control: ControlSession,
  connector: string,
  service: string,
  { table, kind, detail }: Pick<Alert, "table" | "kind" | "detail">,
): Promise<void> {
  await control.query("INSERT INTO offtake.alert (connector, service, table_name, kind, detail) VALUES ($1, $2, $3, $4, $5)", [
    connector,
    service,
    table,
    kind,
    detail,
  ]);
}

export async function clearAlert(control: ControlSession, connector: string, { table, kind }: Pick<Alert, "table" | "kind">): Promise<void> {
  const sql = "UPDATE offtake.alert SET cleared_at = clock_timestamp() WHERE connector = $1 AND table_name = $2 AND kind = $3 AND cleared_at IS NULL";
  await control.query(sql, [connector, table, kind]);
}
