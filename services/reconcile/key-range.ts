/**
 * A range of a table's keys, as the same condition on both sides: behind one key, up to another. A key that no range has is never compared, and one that two ranges
 * have is counted twice; so a range begins where the one before ends, the first is open below and the last above.
 *
 * Pure. Source: PostgreSQL documentation, "Row Constructor Comparison".
 */
import { escapeLiteral } from "pg";
import type { SideTable } from "./compared-table.ts";

/** Text of the key's values, in the order of the key. */
export type KeyText = readonly string[];

export interface KeyRange {
  /** The last key before it; undefined where it is open below. */
  readonly after: KeyText | undefined;
  /** Its last key; undefined where it is open above. */
  readonly upTo: KeyText | undefined;
}

/** A WHERE clause, empty for a range that is open on both sides. Literals without a type are of their column's. */
export function rangeCondition({ key }: SideTable, { after, upTo }: KeyRange): string {
  const columns = `(${key.map(({ name }) => name).join(", ")})`;
  const conditions = [
    ...(after === undefined ? [] : [`${columns} > ${values(after)}`]),
    ...(upTo === undefined ? [] : [`${columns} <= ${values(upTo)}`]),
  ];
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
}

function values(text: KeyText): string {
  return `(${text.map((value) => escapeLiteral(value)).join(", ")})`;
}
