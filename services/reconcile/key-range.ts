/**
 * A range of a table's keys, as the same condition on both sides: behind one key, up to another. A key that no range has is never compared, and one that two ranges
 * have is counted twice; so a range begins where the one before ends, the first is open below and the last above.
 *
 * Pure. Source: PostgreSQL documentation, "Row Constructor Comparison".
 */
import { escapeLiteral } from "pg";
import { beyond, compared } from "../../connectors/postgres/key-comparison.ts";
import type { SideKey, SideTable } from "./compared-table.ts";

/** Text of the key's values, in the order of the key. */
export type KeyText = readonly string[];

export interface KeyRange {
  /** The last key before it; undefined where it is open below. */
  readonly after: KeyText | undefined;
  /** Its last key; undefined where it is open above. */
  readonly upTo: KeyText | undefined;
  /** Where only some of its rows are wanted, the buckets that they are in (key-buckets.ts). */
  readonly only?: readonly number[] | undefined;
}

/** A WHERE clause, empty for a range that is open on both sides, whatever its buckets. Literals are of their column's type, and not of the operator's: that of a regproc is oid's. */
export function rangeCondition({ key }: SideTable, { after, upTo }: KeyRange): string {
  // One operator will do for all columns, unless some are of an extension's types.
  const isUniform = key.every(({ operators }) => operators === key[0]!.operators);
  const columns = key.map(({ name, operators }) => ({ sql: name, operators }));
  const behind = (values: readonly string[]): string => (isUniform ? row(key, ">", values) : beyond(columns, values));
  const within = (values: readonly string[]): string =>
    isUniform ? row(key, "<=", values) : `${compared(columns[0]!, "<=", values[0]!)} AND NOT (${beyond(columns, values)})`;
  const conditions = [...(after === undefined ? [] : [behind(literals(key, after))]), ...(upTo === undefined ? [] : [within(literals(key, upTo))])];
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
}

function literals(key: readonly SideKey[], text: KeyText): string[] {
  return key.map(({ cast }, i) => `${escapeLiteral(text[i]!)}::${cast}`);
}

function row(key: readonly SideKey[], operator: ">" | "<=", values: readonly string[]): string {
  return `(${key.map(({ name }) => name).join(", ")}) OPERATOR(${key[0]!.operators}.${operator}) (${values.join(", ")})`;
}
