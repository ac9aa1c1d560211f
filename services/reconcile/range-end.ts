/**
 * Finds where a range of so many rows ends. It is an index's walk, without the rows; their hash is taken afterwards by the same condition on both sides.
 */
import type { ClientBase } from "pg";
import type { SideTable } from "./compared-table.ts";
import { type KeyRange, type KeyText, rangeCondition } from "./key-range.ts";

/**
 * @param within begins where the range does
 * @returns the range's last key; undefined where `within` ends before
 */
export async function findRangeEnd(client: ClientBase, table: SideTable, within: KeyRange, rows: number): Promise<KeyText | undefined> {
  // With the table's name: "id"::text is called id, too, and an order by that would be one of texts.
  const names = table.key.map(({ name }) => `t.${name}`);
  const { rows: found } = await client.query<string[]>({
    text: `SELECT ${names.map((name) => `${name}::text`).join(", ")}
             FROM ${table.from} AS t${rangeCondition(table, within)}
            ORDER BY ${names.join(", ")} OFFSET ${rows - 1} LIMIT 1`,
    rowMode: "array",
  });
  return found[0];
}
