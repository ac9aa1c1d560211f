/**
 * Finds where a range of so many rows ends, at the source. It is an index's walk, without the rows; their hash is taken afterwards by the same condition on both sides.
 */
import type { ClientBase } from "pg";
import type { SideTable } from "./compared-table.ts";
import { type KeyText, rangeCondition } from "./key-range.ts";

/**
 * @param after the last key before the range; undefined for the table's beginning
 * @returns the range's last key; undefined where the table ends before
 */
export async function findRangeEnd(source: ClientBase, table: SideTable, after: KeyText | undefined, rows: number): Promise<KeyText | undefined> {
  const names = table.key.map(({ name }) => name);
  const where = rangeCondition(table, { after, upTo: undefined });
  const { rows: found } = await source.query<string[]>({
    text: `SELECT ${names.map((name) => `${name}::text`).join(", ")} FROM ${table.from}${where} ORDER BY ${names.join(", ")} OFFSET ${rows - 1} LIMIT 1`,
    rowMode: "array",
  });
  return found[0];
}
