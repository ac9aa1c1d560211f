/**
 * Passes of the reconciler in the control database: each with what it found, and the newest ones for whoever asks whether a table is right. A copy counts as verified only by a clean pass
 * that began after its last row was published: one from before has compared other rows.
 *
 * Every function throws what ControlSession.query() does. Source: schemas/control-schema.ts.
 */
import type { Report, Verdict } from "../reconcile/report.ts";
import type { ControlSession } from "./control-session.ts";

/** The newest pass over a table. Names are public: `status --json` has them. */
export interface TablePasses {
  /** schema.table of the source. */
  readonly table: string;
  readonly verdict: Verdict;
  /** `stream` where rows were found wrong between two passes. */
  readonly level: string;
  /** ISO 8601. */
  readonly finishedAt: string;
  /** Rows that it found wrong. */
  readonly mismatches: number;
  /** When the newest pass was over that found nothing wrong; null for none. */
  readonly lastCleanAt: string | null;
  /** When the newest pass was over, whatever was found since; null for none. */
  readonly lastPassAt: string | null;
  /** How long the newest pass took, in milliseconds; null for none. */
  readonly lastPassMs: number | null;
  /** Of the rows that were compared, the part that was wrong. */
  readonly mismatchRate: number;
}

/** Passes of one table that are kept, and as many looks at rows of the stream, which are too frequent to be counted among them; of older ones the newest clean one is. */
const kept = 500;

// One statement, so that a pass is there with all that it found, or not at all; by this database's clock alone, which has told when the copy was over, too.
const recordSql = `
  WITH pass AS (
         INSERT INTO offtake.reconciliation (connector, service, table_name, level, verdict, started_at, finished_at, mismatches, report)
         VALUES ($1, $2, $3, $4, $5, clock_timestamp() - make_interval(secs => $6), clock_timestamp(), jsonb_array_length($8::jsonb), $7)
         RETURNING id, started_at, finished_at),
       found AS (
         INSERT INTO offtake.mismatch (reconciliation, kind, key, detail)
         SELECT pass.id, m ->> 'kind', m -> 'key', m -> 'detail' FROM pass, jsonb_array_elements($8::jsonb) AS m),
       verified AS (
         UPDATE offtake.snapshot s SET verified_at = pass.finished_at
           FROM pass
          WHERE $5 = 'equal' AND $4 <> 'basic' AND s.state = 'copied' AND s.finished_at < pass.started_at
            AND s.id = (SELECT max(id) FROM offtake.snapshot WHERE connector = $1 AND table_name = $3 AND wanted_columns IS NULL))
  SELECT id::text FROM pass`;

// Where every row that changes is wrong there is a look each second: counted as passes, they drove the passes out, and the table was compared again at once, for ever.
const forgetSql = `
  DELETE FROM offtake.reconciliation r
   WHERE connector = $1 AND table_name = $2 AND (level = 'stream') = $3
     AND id <= (SELECT id FROM offtake.reconciliation
                 WHERE connector = $1 AND table_name = $2 AND (level = 'stream') = $3 ORDER BY id DESC OFFSET ${kept} LIMIT 1)
     AND id IS DISTINCT FROM (SELECT max(id) FROM offtake.reconciliation WHERE connector = $1 AND table_name = $2 AND verdict = 'equal' AND level <> 'basic')`;

const newestSql = `
  SELECT DISTINCT ON (r.table_name) r.table_name, r.verdict, r.level, r.finished_at, r.mismatches,
         (SELECT max(c.finished_at) FROM offtake.reconciliation c WHERE c.connector = r.connector AND c.table_name = r.table_name AND c.verdict = 'equal' AND c.level <> 'basic') AS clean_at,
         (SELECT max(c.finished_at) FROM offtake.reconciliation c WHERE c.connector = r.connector AND c.table_name = r.table_name AND c.level <> 'stream') AS pass_at,
         (SELECT (extract(epoch FROM c.finished_at - c.started_at) * 1000)::float8 FROM offtake.reconciliation c
           WHERE c.connector = r.connector AND c.table_name = r.table_name AND c.level <> 'stream' ORDER BY c.id DESC LIMIT 1) AS pass_ms,
         coalesce((r.report ->> 'mismatchRate')::float8, 0) AS mismatch_rate
    FROM offtake.reconciliation r
   WHERE r.connector = $1
   ORDER BY r.table_name, r.id DESC`;

interface Row {
  table_name: string;
  verdict: Verdict;
  level: string;
  finished_at: Date;
  mismatches: string;
  clean_at: Date | null;
  pass_at: Date | null;
  pass_ms: number | null;
  mismatch_rate: number;
}

/** @returns the pass's id */
export async function recordPass(control: ControlSession, connector: string, report: Report): Promise<string> {
  const { service, table, level, verdict, startedAt, finishedAt, missing, extra, differing, ...rest } = report;
  const mismatches = [
    ...missing.map(({ key }) => ({ kind: "missing", key, detail: {} })),
    ...extra.map(({ key }) => ({ kind: "extra", key, detail: {} })),
    ...differing.map(({ key, ...detail }) => ({ kind: "differing", key, detail })),
  ];
  const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
  const values = [connector, service, table, level, verdict, seconds, JSON.stringify(rest), JSON.stringify(mismatches)];
  const { rows } = await control.query<{ id: string }>(recordSql, values);
  await control.query(forgetSql, [connector, table, level === "stream"]);
  return rows[0]!.id;
}

/** @returns of each table that was ever compared, in order of their names */
export async function readPasses(control: ControlSession, connector: string): Promise<TablePasses[]> {
  const { rows } = await control.query<Row>(newestSql, [connector]);
  return rows.map((row) => ({
    table: row.table_name,
    verdict: row.verdict,
    level: row.level,
    finishedAt: row.finished_at.toISOString(),
    mismatches: Number(row.mismatches),
    lastCleanAt: row.clean_at === null ? null : row.clean_at.toISOString(),
    lastPassAt: row.pass_at === null ? null : row.pass_at.toISOString(),
    lastPassMs: row.pass_ms,
    mismatchRate: row.mismatch_rate,
  }));
}
