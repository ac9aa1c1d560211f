/**
 * Services to which nothing is applied until somebody resumes them. The wish stands here, and the appliers look for it (pause-watch.ts): one that were told by a
 * signal would have forgotten it after its next restart.
 *
 * Every function throws what ControlSession.query() does. Source: schemas/control-schema.ts.
 */
import type { ControlSession } from "./control-session.ts";

/** Names are public: `status --json` has them. */
export interface Pause {
  readonly by: string;
  /** ISO 8601. */
  readonly since: string;
}

export interface PauseOrder {
  readonly connector: string;
  readonly service: string;
  readonly who: string;
}

// The wish and its audit are one statement: neither is there without the other.
const pauseSql = `
  WITH wish AS (
         INSERT INTO offtake.pause (connector, service, paused_by) VALUES ($1, $2, $3)
             ON CONFLICT (connector) DO NOTHING
         RETURNING paused_by, paused_at),
       told AS (
         INSERT INTO offtake.audit (who, action, service, subject, before, after)
         SELECT $3, 'pause', $2, 'applier ' || $2, '{"paused": false}', '{"paused": true}' FROM wish)
  SELECT FROM wish`;

const resumeSql = `
  WITH wish AS (
         DELETE FROM offtake.pause WHERE connector = $1 RETURNING paused_by, paused_at),
       told AS (
         INSERT INTO offtake.audit (who, action, service, subject, before, after)
         SELECT $3, 'resume', $2, 'applier ' || $2, jsonb_build_object('paused', true, 'by', paused_by, 'since', paused_at), '{"paused": false}' FROM wish)
  SELECT FROM wish`;

const readSql = "SELECT connector, paused_by, paused_at FROM offtake.pause WHERE connector = ANY ($1)";

/** As readiness, `status` and messages say it. */
export function pausedText({ by, since }: Pause): string {
  return `paused by ${by} since ${since}`;
}

/** @returns false when it was paused already: whoever did it first stays named */
export async function pauseApplying(control: ControlSession, { connector, service, who }: PauseOrder): Promise<boolean> {
  return (await control.query(pauseSql, [connector, service, who])).rowCount === 1;
}

/** @returns false when it was not paused */
export async function resumeApplying(control: ControlSession, { connector, service, who }: PauseOrder): Promise<boolean> {
  return (await control.query(resumeSql, [connector, service, who])).rowCount === 1;
}

/** @returns by connector; those that are not paused are not there */
export async function readPauses(control: ControlSession, connectors: readonly string[]): Promise<ReadonlyMap<string, Pause>> {
  const { rows } = await control.query<{ connector: string; paused_by: string; paused_at: Date }>(readSql, [connectors]);
  return new Map(rows.map(({ connector, paused_by: by, paused_at: at }) => [connector, { by, since: at.toISOString() }]));
}
