/**
 * Rows of a range, put into buckets by their keys. While a table is written, a few rows of nearly every range are different at the moment; which bucket they are in says which rows to look at,
 * and all others need no second read. A key is in the same bucket on both sides where its text is the same; where it is not, the rows of both buckets are looked at.
 *
 * Pure.
 */
import type { SideTable } from "./compared-table.ts";

/** As many as rows change in a range while the target catches up, several times over; a power of two. */
export const buckets = 64;

export type BucketHashes = ReadonlyMap<number, string>;

/** An expression: the bucket of a row. */
export function bucketOf({ key }: SideTable): string {
  const text = key.length === 1 ? `${key[0]!.name}::text` : `ROW(${key.map(({ name }) => name).join(", ")})::text`;
  return `(pg_catalog.hashtextextended(${text} COLLATE "C", 0) & ${buckets - 1})::int4`;
}

/** A condition, true for all rows where undefined. @param only the buckets of the wanted rows */
export function bucketCondition(table: SideTable, only: readonly number[] | undefined): string {
  return only === undefined ? "true" : `${bucketOf(table)} IN (${only.join(", ")})`;
}

/** Those that are not the same on both sides. */
export function differingBuckets(left: BucketHashes, right: BucketHashes): number[] {
  return [...new Set([...left.keys(), ...right.keys()])].filter((bucket) => left.get(bucket) !== right.get(bucket));
}
