/**
 * Whether the source has so much to do already that copies have to wait: asked before each chunk, where the configuration says what is too much. A copy can wait; the
 * monolith's users cannot.
 *
 * Source: PostgreSQL documentation, "pg_stat_activity", and "Predefined Roles", pg_read_all_stats.
 */
import type { ClientBase } from "pg";

export interface SourceLoad {
  /** Sessions of clients that are in a statement, without Offtake's own. */
  readonly active: number;
  /** Sessions of which this role may not see what they do, or the server does not track it. */
  readonly hidden: number;
}

// Offtake's sessions are named for what they are. Of a session that is hidden from this role no kind is shown, but whose it is; the server's own have no user.
const loadSql = `
  SELECT count(*) FILTER (WHERE state = 'active')::int4 AS active,
         count(*) FILTER (WHERE state = 'disabled' OR state IS NULL AND backend_type IS NULL AND datid IS NOT NULL AND usesysid IS NOT NULL)::int4 AS hidden
    FROM pg_catalog.pg_stat_activity
   WHERE pid <> pg_backend_pid() AND (application_name IS NULL OR application_name !~ '^offtake ') AND (backend_type IS NULL OR backend_type = 'client backend')`;

export async function readLoad(source: ClientBase): Promise<SourceLoad> {
  const { rows } = await source.query<SourceLoad>(loadSql);
  return rows[0]!;
}

/** Pure. @returns what a copy waits for; undefined when it may go on */
export function tooMuch({ active, hidden }: SourceLoad, maxActiveSessions: number): string | undefined {
  if (active > maxActiveSessions)
    return `the source to have less to do: ${active} sessions are active, and snapshot.maxActiveSessions is ${maxActiveSessions}`;
  if (hidden > 0)
    return `leave to see how busy the source is: what ${hidden} of its sessions do is hidden (GRANT pg_read_all_stats to Offtake's role, and track_activities = on), and snapshot.maxActiveSessions is ${maxActiveSessions}`;
  return undefined;
}
