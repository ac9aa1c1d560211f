/**
 * A short text for everything that the applier's statements take for granted of a table: when it differs, the table has been altered. Asked for at the
 * end of each transaction, when the transaction's own locks keep anybody from altering the tables that it wrote; so rows are never committed that were
 * written for another shape. Without it a cascade that was added while the applier ran took rows that it had merged past.
 *
 * A row of a catalog that was written again has another xmin, whatever was written; vacuum and analyze write in place.
 *
 * Source: PostgreSQL documentation, "System Columns", "System Catalogs"; ALTER TABLE for the locks.
 */
import { arrayText, type GroupStatement } from "./statement-group.ts";
import type { TargetTable } from "./target-table.ts";

/**
 * A trigger of a partition is one of the table, too. Costs 20 us of the server for a table, and 10 more with partitions, even where there are none.
 *
 * @param table SQL of a row of pg_class
 * @param partitions whether the tables may be partitioned
 */
export function markSql(table: string, partitions: boolean): string {
  const tree = `CASE WHEN ${table}.relkind = 'p' THEN
      (SELECT string_agg(concat_ws(':', p.oid, p.relpersistence, t.oid, t.xmin), ',' ORDER BY p.oid, t.oid)
         FROM pg_catalog.pg_partition_tree(${table}.oid) tree
         JOIN pg_catalog.pg_class p ON p.oid = tree.relid
         LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.oid) ELSE '' END`;
  return `${table}.oid::text || ${table}.relkind::text || ${table}.relpersistence::text ||
    ARRAY(SELECT a.xmin FROM pg_catalog.pg_attribute a WHERE a.attrelid = ${table}.oid AND a.attnum > 0 ORDER BY a.attnum)::text ||
    ARRAY(SELECT i.xmin FROM pg_catalog.pg_index i WHERE i.indrelid = ${table}.oid ORDER BY i.indexrelid)::text ||
    CASE WHEN ${table}.relhastriggers THEN ARRAY(SELECT t.xmin FROM pg_catalog.pg_trigger t WHERE t.tgrelid = ${table}.oid ORDER BY t.tgname)::text ELSE '{}' END
    ${partitions ? `|| ${tree}` : ""}`;
}

const marksSql = (partitions: boolean): string => `
  SELECT 1 / (count(*) = $3::int8)::int4
    FROM unnest($1::text[], $2::text[]) AS read (name, mark)
    JOIN pg_catalog.pg_class c ON c.oid = to_regclass(read.name)
   WHERE ${markSql("c", partitions)} = read.mark`;

const ordinary = { name: "offtake marks", sql: marksSql(false) };
const withPartitions = { name: "offtake marks of partitions", sql: marksSql(true) };

/** Tables are not what they were when they were read. */
export class TablesChanged extends Error {}

/** Fails with TablesChanged where one of the tables has been altered. */
export function marksStatement(tables: Iterable<TargetTable>): GroupStatement {
  const marks = new Map<string, string>();
  let { name, sql } = ordinary;
  for (const table of tables) {
    marks.set(table.name, table.mark);
    if (table.partitioned) ({ name, sql } = withPartitions);
  }
  const values = [arrayText([...marks.keys()]), arrayText([...marks.values()]), Buffer.from(String(marks.size))];
  return { name, sql, values, text: true, no: () => new TablesChanged() };
}
