/**
 * Copies of tables as jobs among others: the connector does them (snapshot-jobs.ts), and whoever looks at jobs looks at both. Every function throws what ControlSession.query() does.
 *
 * Source: schemas/control-schema.ts.
 */
import type { ControlSession } from "./control-session.ts";
import type { Item } from "./operations.ts";

const columns = `
  'c' || id AS id, 'copy' AS kind, connector, service, ARRAY[table_name] AS tables, json_build_object('reason', reason) AS options,
  CASE state WHEN 'copying' THEN 'running' WHEN 'copied' THEN 'done' ELSE state END AS state, waits_for AS progress,
  rows::float8 AS rows, estimated_rows::float8 AS "estimatedRows", error, NULL AS result,
  CASE WHEN state = 'copying' AND rows > 0 AND estimated_rows > rows
       THEN round(((estimated_rows - rows) * extract(epoch FROM clock_timestamp() - started_at) / rows)::numeric)::float8 END AS "secondsLeft",
  requested_by AS "requestedBy", requested_at AS "requestedAt", started_at AS "startedAt", finished_at AS "finishedAt"`;

const readSql = `
  SELECT ${columns} FROM offtake.snapshot
   WHERE connector = ANY ($1) AND wanted_columns IS NULL AND ($2::bigint IS NULL OR id = $2) AND ($3::text[] IS NULL OR table_name = ANY ($3))
   ORDER BY offtake.snapshot.id DESC LIMIT $4`;

export interface CopyChoice {
  readonly connectors: readonly string[];
  readonly id?: string;
  /** schema.table; undefined for all. */
  readonly tables?: readonly string[];
  readonly limit: number;
}

/** @returns newest first */
export async function readCopyJobs(control: ControlSession, { connectors, id, tables, limit }: CopyChoice): Promise<Item[]> {
  return (await control.query<Record<string, unknown>>(readSql, [connectors, id ?? null, tables ?? null, limit])).rows;
}
