/** Reads the hash of each row of a range, by its key: where the hashes of a range differ, these say which rows do. */
import type { ClientBase } from "pg";
import type { SideTable } from "./compared-table.ts";
import { bucketCondition } from "./key-buckets.ts";
import { type KeyRange, type KeyText, rangeCondition } from "./key-range.ts";
import { hashOfRow, rowImage } from "./row-hash.ts";

/** By the key's texts, joined by what no text of PostgreSQL has. Rows of one key, where nothing keeps it unique, have their hashes together. */
export type RowHashes = ReadonlyMap<string, string>;

/** There are more rows than were to be read: what was read of them says nothing, since nobody knows which are left out. */
export const tooMany = "too many";

export function joinedKey(key: KeyText): string {
  return key.join("\0");
}

export function splitKey(joined: string): KeyText {
  return joined.split("\0");
}

/**
 * @param columns of `hashed`, in the same order on both sides
 * @param most rows that are read
 */
export async function readRowHashes(
  client: ClientBase,
  table: SideTable,
  columns: readonly string[],
  range: KeyRange,
  most: number,
): Promise<RowHashes | typeof tooMany> {
  const keys = table.key.map(({ name }) => `${name}::text`);
  const inner = `SELECT ${keys.map((key, i) => `${key} AS k${i}`).join(", ")}, ${rowImage(table.hashing, columns)} AS r
     FROM (SELECT * FROM ${table.from}${rangeCondition(table, range)}) AS t WHERE ${bucketCondition(table, range.only)}`;
  const { rows } = await client.query<string[]>({
    text: `SELECT ${keys.map((_, i) => `k${i}`).join(", ")}, ${hashOfRow(table.hashing, "r")} FROM (${inner} LIMIT ${most + 1}) AS q`,
    rowMode: "array",
  });
  if (rows.length > most) return tooMany;
  const hashes = new Map<string, string>();
  for (const row of rows) {
    const hash = row.pop()!;
    const key = joinedKey(row);
    const other = hashes.get(key);
    hashes.set(key, other === undefined ? hash : [other, hash].toSorted().join(" "));
  }
  return hashes;
}

/** Keys of which one side has no row, or another. */
export function differingKeys(source: RowHashes, target: RowHashes): string[] {
  const keys = [...source].filter(([key, hash]) => target.get(key) !== hash).map(([key]) => key);
  for (const key of target.keys()) if (!source.has(key)) keys.push(key);
  return keys;
}
