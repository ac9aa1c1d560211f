/**
 * Which tables a connector captures, kept at the target: `offtake.captured_table`. Rows that changed while a table was out of the list, or out of its
 * publication, are in no stream, and nothing in the stream shows that they are missing; so every change of the list is held against the one before, and what
 * was out for a while is marked in `offtake.needs_copy`, together with the new list.
 *
 * Source: schemas/target-schema.ts.
 */
import type { ClientBase } from "pg";

/** A table as the source has it now. */
export interface CapturedTable {
  /** schema.table. */
  readonly name: string;
  /** By which it is in its publication: another one means that it was out, or is another table. */
  readonly membership: string;
}

const recordSql = `
  WITH listed AS (SELECT * FROM unnest($2::text[], $3::text[], $4::boolean[]) AS l(name, membership, whole)),
       marked AS (
         INSERT INTO offtake.needs_copy (connector, table_name, reason)
         SELECT $1, l.name, CASE WHEN c.captured THEN 'was out of its publication for a while, or was made again'
                                 WHEN NOT c.captured THEN 'was out of the service''s tables for a while'
                                 ELSE 'joined the service''s tables later' END
           FROM listed l
           LEFT JOIN offtake.captured_table c ON c.connector = $1 AND c.table_name = l.name
          WHERE NOT l.whole AND (c.captured AND c.membership = l.membership) IS NOT TRUE
            AND EXISTS (SELECT FROM offtake.captured_table WHERE connector = $1)
             ON CONFLICT (connector, table_name) DO NOTHING
         RETURNING table_name, reason),
       gone AS (UPDATE offtake.captured_table SET captured = false WHERE connector = $1 AND captured AND table_name <> ALL ($2)),
       put AS (
         INSERT INTO offtake.captured_table (connector, table_name, membership, captured)
         SELECT $1, name, membership, true FROM listed
             ON CONFLICT (connector, table_name) DO UPDATE SET membership = excluded.membership, captured = true)
  SELECT table_name AS name, reason FROM marked ORDER BY 1`;

export interface MarkedTable {
  readonly name: string;
  readonly reason: string;
}

/**
 * Replaces the list. The first list of a connector is taken as it is.
 *
 * @param whole names of those that lack nothing, whenever they joined
 * @returns the tables that were marked now
 */
export async function recordCaptured(
  target: ClientBase,
  connector: string,
  tables: readonly CapturedTable[],
  whole: readonly string[],
): Promise<MarkedTable[]> {
  const names = tables.map(({ name }) => name);
  const { rows } = await target.query<MarkedTable>(recordSql, [
    connector,
    names,
    tables.map(({ membership }) => membership),
    names.map((name) => whole.includes(name)),
  ]);
  return rows;
}

/** @returns schema.table of all that the connector has ever captured */
export async function readCaptured(target: ClientBase, connector: string): Promise<ReadonlySet<string>> {
  const { rows } = await target.query<{ name: string }>("SELECT table_name AS name FROM offtake.captured_table WHERE connector = $1", [connector]);
  return new Set(rows.map(({ name }) => name));
}
