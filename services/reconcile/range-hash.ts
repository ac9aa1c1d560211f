/** Reads the hash of a range: number of rows, and the xor of the hashes of all of them. */
import type { ClientBase } from "pg";
import type { SideTable } from "./compared-table.ts";
import { type KeyRange, rangeCondition } from "./key-range.ts";
import { hashOfRows, rowImage } from "./row-hash.ts";

export interface RangeHash {
  readonly rows: number;
  readonly hash: string;
}

/** @param columns of `hashed`, in the same order on both sides */
export async function readRangeHash(client: ClientBase, table: SideTable, columns: readonly string[], range: KeyRange): Promise<RangeHash> {
  const sql = hashOfRows(table.hashing, `SELECT ${rowImage(table.hashing, columns)} AS r FROM ${table.from}${rangeCondition(table, range)}`);
  return (await client.query<RangeHash>(sql)).rows[0]!;
}
