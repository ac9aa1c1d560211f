/**
 * Rows that are to be read again by their keys, as a repair asks for them: jobs of the same journal as whole copies (snapshot-jobs.ts), read by the same rule and
 * published by the same connector, in order with the stream of their keys. A key that the source does not have is deleted at the target.
 *
 * They travel through this database and not as a message in the WAL: only who may write here can ask, and the heartbeat behind each snapshot gives their order. Every
 * function throws what ControlSession.query() does.
 *
 * Source: schemas/control-schema.ts; ARCHITECTURE.md, "Snapshot".
 */
import type { ControlSession } from "./control-session.ts";
import type { SnapshotState } from "./snapshot-orders.ts";

export interface KeyOrder {
  readonly connector: string;
  readonly service: string;
  /** Of the source, as schema.table. */
  readonly table: string;
  /** All columns of its key, in any order, by their names at the source. */
  readonly columns: readonly string[];
  /** For each row the values of those columns, as PostgreSQL prints them. They are read whole into the connector's memory: some thousands at a time. */
  readonly keys: readonly (readonly string[])[];
  /** Why they are read again, for the log. */
  readonly reason: string;
  readonly requestedBy: string;
}

export interface KeyJob {
  /** As of a whole copy: `copied` when all of it is durable in Kafka, which is not yet at the target. */
  readonly state: SnapshotState;
  /** Why it has failed: code, message and cure, on one line. */
  readonly error: string | null;
  /** How many keys were asked for, and how many are done. */
  readonly keys: number;
  readonly done: number;
  /** What it waits for at the moment. */
  readonly waitsFor: string | null;
}

const requestSql = `
  INSERT INTO offtake.snapshot (connector, service, table_name, reason, requested_by, wanted_columns, wanted_keys)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  RETURNING id`;

const readSql = `
  SELECT state, error, jsonb_array_length(wanted_keys) AS keys, rows::float8 AS done, waits_for AS "waitsFor"
    FROM offtake.snapshot
   WHERE id = $1 AND wanted_columns IS NOT NULL`;

const cancelSql = `
  UPDATE offtake.snapshot
     SET state = 'cancelled', waits_for = NULL, finished_at = clock_timestamp()
   WHERE id = $1 AND wanted_columns IS NOT NULL AND state IN ('waiting', 'copying')`;

/** @returns the job's id */
export async function requestKeys(control: ControlSession, order: KeyOrder): Promise<string> {
  const { connector, service, table, columns, keys, reason, requestedBy } = order;
  const { rows } = await control.query<{ id: string }>(requestSql, [connector, service, table, reason, requestedBy, columns, JSON.stringify(keys)]);
  return rows[0]!.id;
}

/** @returns undefined for a job that there is not */
export async function readJob(control: ControlSession, id: string): Promise<KeyJob | undefined> {
  return (await control.query<KeyJob>(readSql, [id])).rows[0];
}

/** Calls off what is not done yet; what is published stays. @returns false when it has ended before */
export async function cancelKeys(control: ControlSession, id: string): Promise<boolean> {
  return (await control.query(cancelSql, [id])).rowCount === 1;
}
