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

const mismatchesSql = `
  WITH newest AS (
         SELECT DISTINCT ON (connector, table_name) id, service, table_name, finished_at
           FROM offtake.reconciliation
          WHERE connector = ANY ($1) AND ($2::text IS NULL OR service = $2) AND ($3::text IS NULL OR table_name = $3)
          ORDER BY connector, table_name, id DESC)
  SELECT n.service, n.table_name AS "table", m.kind, m.key, m.detail, n.finished_at AS "foundAt", n.id::text AS reconciliation
    FROM newest n JOIN offtake.mismatch m ON m.reconciliation = n.id
   ORDER BY n.service, n.table_name, m.kind, m.key::text LIMIT $4`;

/** @param connectors of this installation. @returns newest first */
export async function readReconciliations(control: ControlSession, connectors: readonly string[], { service, table, limit }: Page): Promise<Item[]> {
  return (await control.query<Record<string, unknown>>(passesSql, [connectors, service ?? null, table ?? null, limit])).rows;
}

/** Of the newest pass over each table. */
export async function readMismatches(control: ControlSession, connectors: readonly string[], { service, table, limit }: Page): Promise<Item[]> {
  return (await control.query<Record<string, unknown>>(mismatchesSql, [connectors, service ?? null, table ?? null, limit])).rows;
}
