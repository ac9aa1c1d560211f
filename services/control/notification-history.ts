/**
 * What each webhook was told last, so that a process that is started again neither tells it twice nor forgets to say that it is over. Every function throws what ControlSession.query() does.
 *
 * Source: schemas/control-schema.ts.
 */
import type { ControlSession } from "./control-session.ts";
import type { Concern, News, Told } from "./notification-decision.ts";

const readSql = `
  SELECT concern AS key, place AS where, detail AS what, state, (extract(epoch FROM told_at) * 1000)::float8 AS at
    FROM offtake.notification WHERE installation = $1 AND webhook = $2`;

const tellSql = `
  INSERT INTO offtake.notification (installation, webhook, concern, place, detail, state) VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (installation, webhook, concern)
      DO UPDATE SET place = excluded.place, detail = excluded.detail, state = excluded.state, told_at = clock_timestamp()`;

const alertsSql = `
  SELECT 'alert ' || kind || ' ' || service || ' ' || table_name AS key, service || ', ' || table_name AS where, detail AS what
    FROM offtake.alert WHERE connector = ANY ($1) AND cleared_at IS NULL
   ORDER BY id`;

export async function readTold(control: ControlSession, installation: string, webhook: string): Promise<Told[]> {
  return (await control.query<Told>(readSql, [installation, webhook])).rows;
}

export async function recordTold(control: ControlSession, installation: string, webhook: string, { event, concern }: News): Promise<void> {
  await control.query(tellSql, [installation, webhook, concern.key, concern.where, concern.what, event]);
}

/** What the reconciler has raised and not cleared. @param connectors of this installation */
export async function lastingAlerts(control: ControlSession, connectors: readonly string[]): Promise<Concern[]> {
  return (await control.query<Concern & Record<string, string>>(alertsSql, [connectors])).rows;
}
