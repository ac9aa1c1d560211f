/**
 * Which tables a connector captures, kept at the target: `offtake.captured_table`. Rows that changed while a table was out of the list, or out of its
 * publication, are in no stream, and nothing in the stream shows that they are missing; so every change of the list is held against the one before, and what
 * was out for a while is marked in `offtake.needs_copy`, together with the new list. With each table goes what it looked like in the catalogs: rows also come,
 * go and change by statements that are in no stream (shape-change.ts).
 *
 * Source: schemas/target-schema.ts.
 */
import { isDeepStrictEqual } from "node:util";
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

/** Ends a reason: the moment when something of it was found last. The end of a copy takes a mark away by its reason, so one that is found again has to be another. */
const momentSql = `to_char(clock_timestamp() AT TIME ZONE 'UTC', '" (seen at "YYYY-MM-DD"T"HH24:MI:SS.US"Z)"')`;
const momentsSql = String.raw`' \(seen at [^)]*\)'`;

const joinedSql = escapeLiteral(olderRows.tables);

// A table that joins is marked by `up`, and then by this list, for the same rows: neither adds anything to what is known of it.
const recordSql = `
  WITH listed AS (
         SELECT * FROM unnest($2::text[], $3::text[], $4::boolean[], $5::jsonb[], $6::jsonb[], $7::boolean[]) AS l(name, membership, whole, shape, reasons, again)),
       found AS (
         SELECT l.name, 0 AS place, true AS again,
                CASE WHEN c.captured THEN 'was out of its publication for a while, or was made again'
                     WHEN NOT c.captured THEN 'was out of the service''s tables for a while'
                     ELSE ${joinedSql} END AS reason
           FROM listed l
           LEFT JOIN offtake.captured_table c ON c.connector = $1 AND c.table_name = l.name
          WHERE NOT l.whole AND (c.captured AND c.membership = l.membership) IS NOT TRUE
            AND EXISTS (SELECT FROM offtake.captured_table WHERE connector = $1)
         UNION ALL
         SELECT l.name, r.place, l.again, r.reason FROM listed l CROSS JOIN jsonb_array_elements_text(l.reasons) WITH ORDINALITY AS r(reason, place)),
       marked AS (
         INSERT INTO offtake.needs_copy AS kept (connector, table_name, reason)
         SELECT $1, name, string_agg(reason, '; ' ORDER BY place) || CASE WHEN bool_and(reason = ${joinedSql}) THEN '' ELSE ${momentSql} END
           FROM found
          GROUP BY name
             ON CONFLICT (connector, table_name)
             DO UPDATE SET reason = concat_ws('; ', regexp_replace(kept.reason, ${momentsSql}, '', 'g'),
                                              (SELECT string_agg(f.reason, '; ' ORDER BY f.place) FROM found f
                                                WHERE f.name = kept.table_name AND f.reason <> ${joinedSql} AND position(f.reason IN kept.reason) = 0)) || ${momentSql}
                     WHERE EXISTS (SELECT FROM found f
                                    WHERE f.name = kept.table_name AND f.reason <> ${joinedSql} AND (f.again OR position(f.reason IN kept.reason) = 0))
         RETURNING table_name, reason),
       gone AS (UPDATE offtake.captured_table SET captured = false WHERE connector = $1 AND captured AND table_name <> ALL ($2)),
       put AS (
         INSERT INTO offtake.captured_table AS kept (connector, table_name, membership, captured, shape)
         SELECT $1, name, membership, true, shape FROM listed
             ON CONFLICT (connector, table_name)
             DO UPDATE SET membership = excluded.membership, captured = true,
                           shape = CASE WHEN kept.membership = excluded.membership THEN coalesce(excluded.shape, kept.shape) ELSE excluded.shape END
                     WHERE (kept.membership, kept.captured, kept.shape) IS DISTINCT FROM (excluded.membership, true, coalesce(excluded.shape, kept.shape)))
  SELECT table_name AS name, reason FROM marked ORDER BY 1`;

const keptSql = "SELECT table_name AS name, membership, shape FROM offtake.captured_table WHERE connector = $1 AND captured AND shape IS NOT NULL";

/** What a change of a table's shape means. */
export type JudgeShape = (table: CapturedTable, before: CapturedShape, now: CapturedShape) => Promise<ShapeChange>;

/** A reason is added to what the table is marked for already: mending one of two things does not mend the other. */
interface Judged extends CapturedTable {
  readonly reasons: readonly string[];
  /** Whether that has happened now, also where the table is marked for the same already: a copy that is under way has not seen it. */
  readonly again: boolean;
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
    const waits = change?.undecided === true;
    if (waits) undecided = true;
    // What is judged once more has not happened once more, nor has what lasts.
    const again = doubts.length > 0 || (!waits && !isDeepStrictEqual(before, shape));
    judged.push({ ...table, shape: waits ? undefined : shape, reasons: [...doubts, ...(change?.reasons ?? [])], again });
  }
  const { rows: marked } = await target.query<MarkedTable>(recordSql, [
    connector,
    judged.map(({ name }) => name),
    judged.map(({ membership }) => membership),
    judged.map(({ name }) => whole.includes(name)),
    judged.map(({ shape }) => (shape === undefined ? null : JSON.stringify(shape))),
    judged.map(({ reasons }) => JSON.stringify(reasons)),
    judged.map(({ again }) => again),
  ]);
  return { marked, undecided };
}

/** @returns schema.table of all that the connector has ever captured */
export async function readCaptured(target: ClientBase, connector: string): Promise<ReadonlySet<string>> {
  const { rows } = await target.query<{ name: string }>("SELECT table_name AS name FROM offtake.captured_table WHERE connector = $1", [connector]);
  return new Set(rows.map(({ name }) => name));
}
