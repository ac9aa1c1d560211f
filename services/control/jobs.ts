/**
 * Work that somebody has asked for and that takes longer than a request may: passes and repairs. It stands in the control database until the control process that acts
 * takes it up; one that ends in the middle leaves it there, and the next one begins it again. Copies of tables are jobs of their connectors (snapshot-orders.ts).
 *
 * Every function throws what ControlSession.query() does. Source: schemas/control-schema.ts.
 */
import type { ControlSession } from "./control-session.ts";

export type JobKind = "reconcile" | "repair";
export type JobState = "waiting" | "running" | "done" | "failed" | "cancelled";

/** What the command of the same name takes besides the service. */
export interface JobArguments {
  /** As they were typed; empty for all of the service. */
  readonly tables: readonly string[];
  readonly level?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface JobOrder {
  readonly kind: JobKind;
  readonly connector: string;
  readonly service: string;
  readonly arguments: JobArguments;
  readonly requestedBy: string;
}

export interface Job extends JobOrder {
  readonly id: string;
  readonly state: JobState;
  /** How often it was begun. */
  readonly attempts: number;
  /** Who has called it off; it may be running for a moment still. */
  readonly cancelledBy: string | null;
  /** How far it is, in a sentence. */
  readonly progress: string | null;
  /** What its command would have answered. */
  readonly result: unknown;
  /** Code, message and cure, on one line. */
  readonly error: string | null;
  /** ISO 8601. */
  readonly requestedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

const columns = `
  id::text, kind, connector, service, arguments, state, attempts, cancelled_by, progress, result, error, requested_by, requested_at, started_at, finished_at`;

const requestSql = `
  WITH job AS (
         INSERT INTO offtake.job (kind, connector, service, arguments, requested_by) VALUES ($1, $2, $3, $4, $5)
         RETURNING *),
       told AS (
         INSERT INTO offtake.audit (who, action, service, subject, before, after)
         SELECT $5, $1, $3, 'job j' || id, 'null', jsonb_build_object('state', 'waiting') || $4::jsonb FROM job)
  SELECT ${columns} FROM job`;

// An attempt that was cut off is one of those that are counted: a job that ends its process each time must not do so for ever.
const takeSql = `
  UPDATE offtake.job SET state = 'running', attempts = attempts + 1, started_at = clock_timestamp(), progress = NULL
   WHERE id = (SELECT id FROM offtake.job WHERE connector = ANY ($1) AND connector <> ALL ($2) AND state = 'waiting' ORDER BY id LIMIT 1)
  RETURNING ${columns}`;

// Of one attempt: a process that was taken for dead, and has only lost its session, ended and put back what the next one was doing.
const runningSql = "id = $1 AND attempts = $2 AND state = 'running'";

const progressSql = `UPDATE offtake.job SET progress = $3 WHERE ${runningSql} RETURNING cancelled_by`;

const endSql = `UPDATE offtake.job SET state = $3, result = $4, error = $5, finished_at = clock_timestamp() WHERE ${runningSql}`;

// What was called off just before is not begun again.
const putBackSql = `
  UPDATE offtake.job
     SET state = CASE WHEN cancelled_by IS NULL THEN 'waiting' ELSE 'cancelled' END, progress = NULL,
         started_at = CASE WHEN cancelled_by IS NOT NULL THEN started_at END,
         finished_at = CASE WHEN cancelled_by IS NOT NULL THEN clock_timestamp() END
   WHERE ${runningSql}`;

const restartSql = `
  UPDATE offtake.job
     SET state = CASE WHEN cancelled_by IS NOT NULL THEN 'cancelled' WHEN attempts >= $2 THEN 'failed' ELSE 'waiting' END,
         error = CASE WHEN cancelled_by IS NULL AND attempts >= $2 THEN $3 END,
         finished_at = CASE WHEN cancelled_by IS NOT NULL OR attempts >= $2 THEN clock_timestamp() END
   WHERE connector = ANY ($1) AND state = 'running'`;

const cancelSql = `
  WITH before AS (
         SELECT id, state, service FROM offtake.job WHERE id = $1 AND connector = ANY ($3) AND state IN ('waiting', 'running') AND cancelled_by IS NULL FOR UPDATE),
       job AS (
         UPDATE offtake.job j
            SET cancelled_by = $2,
                state = CASE j.state WHEN 'waiting' THEN 'cancelled' ELSE j.state END,
                finished_at = CASE j.state WHEN 'waiting' THEN clock_timestamp() END
           FROM before b WHERE j.id = b.id
         RETURNING j.id),
       told AS (
         INSERT INTO offtake.audit (who, action, service, subject, before, after)
         SELECT $2, 'cancel', service, 'job j' || id, jsonb_build_object('state', state), '{"state": "cancelled"}' FROM before)
  SELECT FROM job`;

const readSql = `SELECT ${columns} FROM offtake.job WHERE connector = ANY ($1) AND ($2::bigint IS NULL OR id = $2) ORDER BY offtake.job.id DESC LIMIT $3`;

const forgetSql = `
  DELETE FROM offtake.job WHERE connector = ANY ($1) AND finished_at < clock_timestamp() - interval '30 days'`;

interface Row {
  id: string;
  kind: JobKind;
  connector: string;
  service: string;
  arguments: JobArguments;
  state: JobState;
  attempts: number;
  cancelled_by: string | null;
  progress: string | null;
  result: unknown;
  error: string | null;
  requested_by: string;
  requested_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
}

export async function requestJob(control: ControlSession, { kind, connector, service, arguments: given, requestedBy }: JobOrder): Promise<Job> {
  const { rows } = await control.query<Row>(requestSql, [kind, connector, service, JSON.stringify(given), requestedBy]);
  return jobOf(rows[0]!);
}

/**
 * The oldest one that waits, which is running now.
 *
 * @param connectors of this installation
 * @param busy those of which one is running: two at once would compare the same rows
 */
export async function takeJob(control: ControlSession, connectors: readonly string[], busy: readonly string[]): Promise<Job | undefined> {
  return (await control.query<Row>(takeSql, [connectors, busy])).rows.map(jobOf)[0];
}

/** An attempt at a job. */
export type Attempt = Pick<Job, "id" | "attempts">;

/** @returns whether nobody has called it off, and no other process has taken it up */
export async function tellProgress(control: ControlSession, { id, attempts }: Attempt, progress: string | null): Promise<boolean> {
  const { rows } = await control.query<{ cancelled_by: string | null }>(progressSql, [id, attempts, progress]);
  return rows[0]?.cancelled_by === null;
}

/** @param error code, message and cure of one that has failed */
export async function endJob(
  control: ControlSession,
  { id, attempts }: Attempt,
  { state, result, error }: { readonly state: "done" | "failed" | "cancelled"; readonly result: unknown; readonly error: string | null },
): Promise<void> {
  await control.query(endSql, [id, attempts, state, result === undefined ? null : JSON.stringify(result), error]);
}

/** The process that runs it ends: the next one begins it again. */
export async function putBackJob(control: ControlSession, { id, attempts }: Attempt): Promise<void> {
  await control.query(putBackSql, [id, attempts]);
}

/**
 * Those that are running by the book, and which nobody runs: whoever did has ended. To be called by the one process that acts, before it begins.
 *
 * @param mostAttempts after so many one has failed, with this error
 */
export async function restartJobs(control: ControlSession, connectors: readonly string[], mostAttempts: number, error: string): Promise<void> {
  await control.query(restartSql, [connectors, mostAttempts, error]);
  await control.query(forgetSql, [connectors]);
}

/** @returns false when it is over, called off already, or none */
export async function cancelJob(control: ControlSession, connectors: readonly string[], id: string, who: string): Promise<boolean> {
  return (await control.query(cancelSql, [id, who, connectors])).rowCount === 1;
}

/** @param id undefined for all. @returns newest first */
export async function readJobs(control: ControlSession, connectors: readonly string[], id: string | undefined, limit: number): Promise<Job[]> {
  return (await control.query<Row>(readSql, [connectors, id ?? null, limit])).rows.map(jobOf);
}

function jobOf(row: Row): Job {
  return {
    id: row.id,
    kind: row.kind,
    connector: row.connector,
    service: row.service,
    arguments: row.arguments,
    state: row.state,
    attempts: row.attempts,
    cancelledBy: row.cancelled_by,
    progress: row.progress,
    result: row.result,
    error: row.error,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}
