/**
 * Whether a target's table is, in the snapshot of a read, one of which anything can be said, and what it was in that of another. One that has to be copied lacks rows that the source has, and
 * one that was made again since lacks all of them: asked before the pass alone, a copy that was ordered meanwhile had each row told as missing; asked afterwards alone, the copy may be over
 * and its mark gone. Where the shape is the same, its rows are what the events between have made of them: a column that was converted prints other texts without any event.
 *
 * Source: PostgreSQL documentation, "pg_attribute", "System Information Functions", to_regclass; schemas/target-schema.ts, offtake.needs_copy.
 */
import type { ClientBase } from "pg";
import { fullName } from "../runtime/table-pattern.ts";
import { type ComparedTable, unsuitable } from "./compared-table.ts";

// The name means one table for as long as the read has its lock.
const momentSql = `
  SELECT (SELECT pg_catalog.md5(pg_catalog.string_agg(a.attnum || ' ' || a.attname || ' ' || a.atttypid || ' ' || a.atttypmod || ' ' || a.attisdropped, ',' ORDER BY a.attnum))
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0) AS shape,
         pg_catalog.to_regclass($4)::oid = $1 AS same,
         (SELECT n.reason FROM offtake.needs_copy n WHERE n.connector = $2 AND n.table_name = $3) AS uncopied`;

interface Moment {
  shape: string | null;
  same: boolean | null;
  uncopied: string | null;
}

/**
 * @param target in the transaction of a read, which has locked the table
 * @returns the table's shape: equal texts for equal shapes
 * @throws OfftakeError RECONCILE_TABLE_UNSUITABLE for a table that has to be copied, or is another one than the one that is compared
 */
export async function readShape(target: ClientBase, table: ComparedTable, connector: string): Promise<string> {
  const { oid, name } = table.target;
  const { rows } = await target.query<Moment>(momentSql, [oid, connector, fullName(table.name), name]);
  const { shape, same, uncopied } = rows[0]!;
  if (uncopied !== null)
    throw unsuitable(table.name, `has to be copied: ${uncopied}`, "`offtake snapshot status` says whether its copy is under way.");
  if (same !== true) throw unsuitable(table.name, "was made again at the target while it was read", "The next pass reads the new one.");
  return shape ?? "";
}
