/**
 * A range of a table's keys, as the same condition on both sides: behind one key, up to another. A key that no range has is never compared, and one that two ranges
 * have is counted twice; so a range begins where the one before ends, the first is open below and the last above.
 *
 * Pure. Source: PostgreSQL documentation, "Row Constructor Comparison".
 */
import { escapeLiteral } from "pg";
import type { SideKey, SideTable } from "./compared-table.ts";

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
  const conditions = [
    ...(after === undefined ? [] : [beyond(key, after)]),
    ...(upTo === undefined ? [] : isUniform(key) ? [row(key, "<=", upTo)] : [compared(key[0]!, "<=", upTo[0]!), `NOT (${beyond(key, upTo)})`]),
  ];
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
}

/** As a row comparison where one operator will do for all columns; else in words, of which the first column alone bounds what of the index is read. */
function beyond(key: readonly SideKey[], text: KeyText): string {
  if (isUniform(key)) return row(key, ">", text);
  const [first, ...rest] = key;
  const equal = `${compared(first!, "=", text[0]!)} AND (${beyond(rest, text.slice(1))})`;
  return `${compared(first!, ">=", text[0]!)} AND (${compared(first!, ">", text[0]!)} OR (${equal}))`;
}

/** Whether the operators of all columns are in one schema: those of an extension's types are not where the built-in ones are. */
function isUniform(key: readonly SideKey[]): boolean {
  return key.every(({ operators }) => operators === key[0]!.operators);
}

function row(key: readonly SideKey[], operator: ">" | "<=", text: KeyText): string {
  const values = text.map((value) => escapeLiteral(value)).join(", ");
  return `(${key.map(({ name }) => name).join(", ")}) OPERATOR(${key[0]!.operators}.${operator}) (${values})`;
}

function compared({ name, operators }: SideKey, operator: ">" | ">=" | "=" | "<=", value: string): string {
  return `${name} OPERATOR(${operators}.${operator}) ${escapeLiteral(value)}`;
}
