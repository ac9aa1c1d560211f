/**
 * Passes and what they found, for whoever looks at them: the reading side of pass-history.ts. Every function throws what ControlSession.query() does.
 *
 * Source: schemas/control-schema.ts.
 */
import type { ControlSession } from "./control-session.ts";
import type { Item, Page } from "./operations.ts";

const passesSql = `
  SELECT id::text, service, table_name AS "table", level, verdict, started_at AS "startedAt", finished_at AS "finishedAt", mismatches::float8 AS mismatches, report
    FROM offtake.reconciliation
   WHERE connector = ANY ($1) AND ($2::text IS NULL OR service = $2) AND ($3::text IS NULL OR table_name = $3)
   ORDER BY offtake.reconciliation.id DESC LIMIT $4`;

// A look at rows of the stream is of some rows: it adds to what the pass before it has found, and is no word on the others.
const foundSql = `
       passes AS (
         SELECT id, connector, service, table_name, finished_at, max(id) FILTER (WHERE level <> 'stream') OVER (PARTITION BY connector, table_name) AS newest
           FROM offtake.reconciliation
          WHERE connector = ANY ($1) AND ($2::text IS NULL OR service = $2) AND ($3::text IS NULL OR table_name = $3)),
       found AS (
         SELECT DISTINCT ON (p.connector, p.table_name, m.key)
                p.service, p.table_name AS "table", m.kind, m.key, m.detail, p.finished_at AS "foundAt", p.id::text AS reconciliation
           FROM passes p JOIN offtake.mismatch m ON m.reconciliation = p.id
          WHERE p.id >= coalesce(p.newest, 0)
          ORDER BY p.connector, p.table_name, m.key, p.id DESC)`;

const mismatchesSql = `WITH ${foundSql} SELECT * FROM found ORDER BY service, "table", kind, key::text LIMIT $4`;

/** @param connectors of this installation. @returns newest first */
export async function readReconciliations(control: ControlSession, connectors: readonly string[], { service, table, limit }: Page): Promise<Item[]> {
  return (await control.query<Record<string, unknown>>(passesSql, [connectors, service ?? null, table ?? null, limit])).rows;
}

/** Of the newest pass over each table, and of what the stream has shown since. */
export async function readMismatches(control: ControlSession, connectors: readonly string[], { service, table, limit }: Page): Promise<Item[]> {
  return (await control.query<Record<string, unknown>>(mismatchesSql, [connectors, service ?? null, table ?? null, limit])).rows;
}

/** Rows that are wrong, by what is wrong with them. */
export interface MismatchCounts {
  readonly missing: number;
  readonly extra: number;
  readonly differing: number;
}

const countsSql = `
  WITH ${foundSql}
  SELECT "table", count(*) FILTER (WHERE kind = 'missing')::float8 AS missing, count(*) FILTER (WHERE kind = 'extra')::float8 AS extra,
         count(*) FILTER (WHERE kind = 'differing')::float8 AS differing
    FROM found GROUP BY "table"`;

/** As readMismatches() has them, of one service, counted. @returns by schema.table; a table of which nothing is wrong is not in it */
export async function countMismatches(control: ControlSession, connector: string, service: string): Promise<ReadonlyMap<string, MismatchCounts>> {
  const { rows } = await control.query<MismatchCounts & { table: string }>(countsSql, [[connector], service, null]);
  return new Map(rows.map(({ table, ...counts }) => [table, counts]));
}
