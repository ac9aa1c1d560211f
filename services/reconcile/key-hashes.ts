/**
 * Reads hashes of rows by their keys: where the two servers sort a key differently, a range of one is not a range of the other, and the rows of one are looked up at the other.
 */
import type { ClientBase } from "pg";
import type { SideTable } from "./compared-table.ts";
import type { KeyText } from "./key-range.ts";
import { hashOfRow, rowImage } from "./row-hash.ts";
import { wantedKeys } from "./wanted-keys.ts";
import { joinedKey, type RowHashes } from "./row-hashes.ts";

/**
 * @param columns of `hashed`, in the same order on both sides
 * @returns by the keys as they were asked for; those that are not there are left out
 */
export async function readKeyHashes(client: ClientBase, table: SideTable, columns: readonly string[], keys: readonly KeyText[]): Promise<RowHashes> {
  const { from, values } = wantedKeys(table, keys);
  const { rows } = await client.query<[string, string]>({
    text: `SELECT place::text, ${hashOfRow(table.hashing, "r")}
             FROM (SELECT w.place, ${rowImage(
               table.hashing,
               columns.map((column) => `t.${column}`),
             )} AS r
                     FROM ${from} OFFSET 0) AS q`,
    values: [...values],
    rowMode: "array",
  });
  const hashes = new Map<string, string>();
  for (const [place, hash] of rows) {
    const key = joinedKey(keys[Number(place) - 1]!);
    const other = hashes.get(key);
    hashes.set(key, other === undefined ? hash : [other, hash].toSorted().join(" "));
  }
  return hashes;
}
