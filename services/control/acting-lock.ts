/**
 * The lock by which one of several processes acts, and the others wait as its standbys: an advisory lock of the control database, held by the session that asked. Asked at every turn, since a
 * session that was lost is opened again without its lock; a process that took it for held would act beside its standby.
 *
 * Source: PostgreSQL documentation, "Advisory Locks"; "pg_locks".
 */
import type { ControlSession } from "./control-session.ts";

const lockSql = `
  SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_locks
                            WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()
                              AND classid = hashtext($1)::oid AND objid = hashtext($2)::oid) THEN true
              ELSE pg_try_advisory_lock(hashtext($1), hashtext($2)) END AS mine`;

/**
 * @param kind of process
 * @param of what one process of that kind acts
 * @returns whether this session has the lock, from before or from now on
 * @throws what ControlSession.query() does
 */
export async function holdsActingLock(control: ControlSession, kind: "offtake control" | "offtake reconciler", of: string): Promise<boolean> {
  return (await control.query<{ mine: boolean }>(lockSql, [kind, of])).rows[0]?.mine === true;
}
