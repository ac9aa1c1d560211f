/**
 * The journal of copies in the control database: one row for each job, which the connector that makes the copy reads and writes. Where it is written that a row
 * of a table is in the topic, it is: a job that goes on behind a key that was never published leaves the rows before it out for ever.
 *
 * Source: schemas/control-schema.ts.
 */
import type { SnapshotJob, SnapshotJournal, SnapshotProgress, SnapshotStart } from "../../connectors/postgres/snapshot-journal.ts";
import type { OfftakeError } from "../runtime/errors.ts";
import type { Secret } from "../runtime/secret.ts";
import { ControlSession } from "./control-session.ts";
import { newReason, openCopy } from "./snapshot-orders.ts";

const openSql = `
  SELECT id, table_name, reason, wanted_columns, key_columns, last_key, table_oid, moves_from, rows, bytes, estimated_rows
    FROM offtake.snapshot
   WHERE connector = $1 AND state IN ('waiting', 'copying')
   ORDER BY id`;

// What somebody has cancelled, or what has failed, is asked for again by a person only: the connector asks at every look.
const requestSql = `
  INSERT INTO offtake.snapshot (connector, service, table_name, reason, requested_by)
  SELECT $1, $2, name, $4, 'the connector'
    FROM unnest($3::text[]) AS name
   WHERE coalesce((SELECT s.state
                     FROM offtake.snapshot s
                    WHERE s.connector = $1 AND s.table_name = name AND s.wanted_columns IS NULL
                    ORDER BY s.id DESC LIMIT 1), '')
         NOT IN ('cancelled', 'failed')
      ON CONFLICT (connector, table_name) WHERE ${openCopy} ${newReason}`;

const startedSql = `
  UPDATE offtake.snapshot
     SET state = 'copying', key_columns = $2, last_key = NULL, rows = 0, bytes = 0, estimated_rows = $3, estimated_bytes = $4, table_oid = $5,
         started_at = clock_timestamp()
   WHERE id = $1 AND state IN ('waiting', 'copying')
   RETURNING reason`;

const keysSql = "SELECT wanted_keys FROM offtake.snapshot WHERE id = $1";

const waitsSql = "UPDATE offtake.snapshot SET waits_for = $2 WHERE id = $1 AND state = 'copying'";

const progressSql = "UPDATE offtake.snapshot SET last_key = $2, rows = $3, bytes = $4, moves_from = $5 WHERE id = $1 AND state = 'copying'";

// The end of the copy is in the topic: whatever was asked for meanwhile came too late.
const copiedSql =
  "UPDATE offtake.snapshot SET state = 'copied', waits_for = NULL, finished_at = clock_timestamp() WHERE id = $1 AND state <> 'copied'";

const failedSql = `
  UPDATE offtake.snapshot
     SET state = 'failed', error = $2, waits_for = NULL, finished_at = clock_timestamp()
   WHERE id = $1 AND state IN ('waiting', 'copying')`;

interface Row {
  id: string;
  table_name: string;
  reason: string;
  wanted_columns: string[] | null;
  key_columns: string[] | null;
  last_key: string[] | null;
  table_oid: string | null;
  moves_from: string | null;
  rows: string;
  bytes: string;
  estimated_rows: string | null;
}

/** Every call throws an OfftakeError of ControlSession.query() while the control database is away, and opens the session again afterwards. */
export class SnapshotJobs implements SnapshotJournal {
  readonly #session: ControlSession;

  constructor(url: Secret, applicationName: string) {
    this.#session = new ControlSession(url, applicationName);
  }

  async open(connector: string): Promise<SnapshotJob[]> {
    const { rows } = await this.#session.query<Row>(openSql, [connector]);
    return rows.map((row) => ({
      id: row.id,
      table: row.table_name,
      reason: row.reason,
      wantedColumns: row.wanted_columns ?? undefined,
      keyColumns: row.key_columns ?? undefined,
      lastKey: row.last_key ?? undefined,
      tableOid: row.table_oid === null ? undefined : Number(row.table_oid),
      movesFrom: row.moves_from === null ? undefined : Number(row.moves_from),
      rows: Number(row.rows),
      bytes: Number(row.bytes),
      estimatedRows: row.estimated_rows === null ? undefined : Number(row.estimated_rows),
    }));
  }

  async request(connector: string, service: string, tables: readonly string[], reason: string): Promise<void> {
    if (tables.length > 0) await this.#session.query(requestSql, [connector, service, tables, reason]);
  }

  async keys(id: string): Promise<string[][]> {
    const { rows } = await this.#session.query<{ wanted_keys: string[][] | null }>(keysSql, [id]);
    return rows[0]?.wanted_keys ?? [];
  }

  async waits(id: string, what: string | undefined): Promise<void> {
    await this.#session.query(waitsSql, [id, what ?? null]);
  }

  async started(id: string, { tableOid, keyColumns, estimatedRows, estimatedBytes }: SnapshotStart): Promise<string | undefined> {
    const { rows } = await this.#session.query<{ reason: string }>(startedSql, [
      id,
      keyColumns,
      estimatedRows === undefined ? null : Math.round(estimatedRows),
      Math.round(estimatedBytes),
      tableOid,
    ]);
    return rows[0]?.reason;
  }

  async progress(id: string, { lastKey, rows, bytes, movesFrom }: SnapshotProgress): Promise<boolean> {
    const { rowCount } = await this.#session.query(progressSql, [id, lastKey ?? null, rows, bytes, movesFrom ?? null]);
    return rowCount === 1;
  }

  async copied(id: string): Promise<void> {
    await this.#session.query(copiedSql, [id]);
  }

  async failed(id: string, error: OfftakeError): Promise<void> {
    await this.#session.query(failedSql, [id, error.line]);
  }

  async close(): Promise<void> {
    await this.#session.end();
  }
}
