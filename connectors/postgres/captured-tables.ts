/**
 * Which tables a connector captures, kept at the target: `offtake.captured_table`. Rows that changed while a table was out of the list, or out of its
 * publication, are in no stream, and nothing in the stream shows that they are missing; so every change of the list is held against the one before, and what
 * was out for a while is marked in `offtake.needs_copy`, together with the new list. With each table goes what it looked like in the catalogs: rows also come,
 * go and change by statements that are in no stream (shape-change.ts).
 *
 * Source: schemas/target-schema.ts.
 */
import { type ClientBase, escapeLiteral } from "pg";
import type { CapturedShape } from "./captured-shape.ts";
import { olderRows } from "./copied-by-itself.ts";
import type { ShapeChange } from "./shape-change.ts";

/** A table as the source has it now. */
export interface CapturedTable {
  /** schema.table. */
  readonly name: string;
  /** By which it is in its publication: another one means that it was out, or is another table. */
  readonly membership: string;
  /** Undefined where it is not known; what is kept then stays as it is. */
  readonly shape?: CapturedShape | undefined;
  /** Why its rows cannot be trusted, whatever it was before. */
  readonly doubts?: readonly string[];
}

const recordSql = `
  WITH listed AS (SELECT * FROM unnest($2::text[], $3::text[], $4::boolean[], $5::jsonb[], $6::jsonb[]) AS l(name, membership, whole, shape, reasons)),
       marked AS (
         INSERT INTO offtake.needs_copy (connector, table_name, reason)
         SELECT $1, l.name, CASE WHEN c.captured THEN 'was out of its publication for a while, or was made again'
                                 WHEN NOT c.captured THEN 'was out of the service''s tables for a while'
                                 ELSE ${escapeLiteral(olderRows.tables)} END
           FROM listed l
           LEFT JOIN offtake.captured_table c ON c.connector = $1 AND c.table_name = l.name
          WHERE NOT l.whole AND (c.captured AND c.membership = l.membership) IS NOT TRUE
            AND EXISTS (SELECT FROM offtake.captured_table WHERE connector = $1)
             ON CONFLICT (connector, table_name) DO NOTHING
         RETURNING table_name, reason),
       changed AS (
         INSERT INTO offtake.needs_copy AS kept (connector, table_name, reason)
         SELECT $1, l.name, concat_ws('; ', n.reason, (SELECT string_agg(r, '; ') FROM jsonb_array_elements_text(l.reasons) AS r WHERE position(r IN coalesce(n.reason, '')) = 0))
           FROM listed l
           LEFT JOIN offtake.needs_copy n ON n.connector = $1 AND n.table_name = l.name
          WHERE jsonb_array_length(l.reasons) > 0 AND l.name NOT IN (SELECT table_name FROM marked)
             ON CONFLICT (connector, table_name) DO UPDATE SET reason = excluded.reason WHERE kept.reason <> excluded.reason
         RETURNING table_name, reason),
       gone AS (UPDATE offtake.captured_table SET captured = false WHERE connector = $1 AND captured AND table_name <> ALL ($2)),
       put AS (
         INSERT INTO offtake.captured_table AS kept (connector, table_name, membership, captured, shape)
         SELECT $1, name, membership, true, shape FROM listed
             ON CONFLICT (connector, table_name)
             DO UPDATE SET membership = excluded.membership, captured = true,
                           shape = CASE WHEN kept.membership = excluded.membership THEN coalesce(excluded.shape, kept.shape) ELSE excluded.shape END
                     WHERE (kept.membership, kept.captured, kept.shape) IS DISTINCT FROM (excluded.membership, true, coalesce(excluded.shape, kept.shape)))
  SELECT table_name AS name, reason FROM (TABLE marked UNION ALL TABLE changed) AS now ORDER BY 1`;

const keptSql = "SELECT table_name AS name, membership, shape FROM offtake.captured_table WHERE connector = $1 AND captured AND shape IS NOT NULL";

/** What a change of a table's shape means. */
export type JudgeShape = (table: CapturedTable, before: CapturedShape, now: CapturedShape) => Promise<ShapeChange>;

/** A reason is added to what the table is marked for already: mending one of two things does not mend the other. */
interface Judged extends CapturedTable {
  readonly reasons: readonly string[];
}

export interface RecordedTables {
  readonly marked: readonly MarkedTable[];
  /** Whether something is to be looked at once more. */
  readonly undecided: boolean;
}

export interface MarkedTable {
  readonly name: string;
  readonly reason: string;
}

/**
 * Replaces the list. The first list of a connector is taken as it is.
 *
 * @param whole names of those that lack nothing, whenever they joined
 * @param judge asked about each table that was captured before, with what it looked like then
 */
export async function recordCaptured(
  target: ClientBase,
  connector: string,
  tables: readonly CapturedTable[],
  whole: readonly string[],
  judge: JudgeShape,
): Promise<RecordedTables> {
  const { rows: kept } = await target.query<{ name: string; membership: string; shape: CapturedShape }>(keptSql, [connector]);
  let undecided = false;
  const judged: Judged[] = [];
  for (const table of tables) {
    const { name, membership, shape, doubts = [] } = table;
    const before = kept.find((each) => each.name === name && each.membership === membership)?.shape;
    const change = before === undefined || shape === undefined ? undefined : await judge(table, before, shape);
    if (change?.undecided === true) undecided = true;
    judged.push({ ...table, shape: change?.undecided === true ? undefined : shape, reasons: [...doubts, ...(change?.reasons ?? [])] });
  }
  const { rows: marked } = await target.query<MarkedTable>(recordSql, [
    connector,
    judged.map(({ name }) => name),
    judged.map(({ membership }) => membership),
    judged.map(({ name }) => whole.includes(name)),
    judged.map(({ shape }) => (shape === undefined ? null : JSON.stringify(shape))),
    judged.map(({ reasons }) => JSON.stringify(reasons)),
  ]);
  return { marked, undecided };
}

/** @returns schema.table of all that the connector has ever captured */
export async function readCaptured(target: ClientBase, connector: string): Promise<ReadonlySet<string>> {
  const { rows } = await target.query<{ name: string }>("SELECT table_name AS name FROM offtake.captured_table WHERE connector = $1", [connector]);
  return new Set(rows.map(({ name }) => name));
}
