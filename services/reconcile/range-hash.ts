/**
 * Reads the hash of a range: number of rows, and the xor of the hashes of all of them; of the whole, or of each bucket of its keys.
 */
import type { ClientBase } from "pg";
import type { SideTable } from "./compared-table.ts";
import { type BucketHashes, bucketOf } from "./key-buckets.ts";
import { type KeyRange, rangeCondition } from "./key-range.ts";
import { hashOfRows, rowImage } from "./row-hash.ts";

export interface RangeHash {
  readonly rows: number;
  /** By bucket; of the whole under 0. */
  readonly hashes: BucketHashes;
}

/**
 * @param columns of `hashed`, in the same order on both sides
 * @param inBuckets whether each bucket of its keys is hashed by itself, which costs more
 */
export async function readRangeHash(
  client: ClientBase,
  table: SideTable,
  columns: readonly string[],
  range: KeyRange,
  inBuckets: boolean,
): Promise<RangeHash> {
  const bucket = inBuckets ? bucketOf(table) : "0";
  const image = rowImage(table.hashing, columns);
  const sql = hashOfRows(table.hashing, `SELECT ${bucket} AS b, ${image} AS r FROM ${table.from}${rangeCondition(table, range)}`, inBuckets);
  const { rows } = await client.query<{ b: number; rows: number; hash: string }>(sql);
  return { rows: rows.reduce((sum, each) => sum + each.rows, 0), hashes: new Map(rows.map((each) => [each.b, `${each.rows} ${each.hash}`])) };
}
