/**
 * Which keys the source takes for equal although their texts differ: 1.0 and 1.00, a char(3) with its blanks and without. The stream names a key by its text, and a
 * repair asks for one by another: a deletion that did not know that they are the same would take away a row that has just come.
 *
 * Pure. Source: PostgreSQL documentation, "Numeric Types", "Character Types", "Collation Support".
 */
import type { WalkColumn } from "./snapshot-table.ts";

/** Built-in types of which equal values have one text. */
const oneText: ReadonlySet<string> = new Set(
  (
    "int2 int4 int8 oid xid8 bool uuid bytea text varchar name char money pg_lsn date time timetz timestamp timestamptz " +
    "inet cidr macaddr macaddr8 bit varbit"
  ).split(" "),
);

/** The same text for all texts of a value. */
const likened: Readonly<Record<string, (text: string) => string>> = {
  bpchar: (text) => text.replace(/ +$/, ""),
  numeric: (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text),
  float4: (text) => (text === "-0" ? "0" : text),
  float8: (text) => (text === "-0" ? "0" : text),
};

function likenerOf({ type, deterministic }: WalkColumn): ((text: string) => string) | undefined {
  if (type.isEnum) return (text) => text;
  if (type.schema !== "pg_catalog" || !deterministic) return undefined;
  return oneText.has(type.name) ? (text) => text : likened[type.name];
}

/**
 * Whether a key may be equal to one of others.
 *
 * @param columns of the key, in the order of its values
 * @param others texts of keys (EventKey.text), values with a zero byte between two
 */
export function mayEqual(columns: readonly WalkColumn[], others: readonly string[]): (key: string) => boolean {
  const likeners = columns.map(likenerOf);
  const like = (key: string): string => {
    const values = key.split("\0");
    // What cannot be judged may be equal to anything.
    return values.map((value, i) => likeners[i]?.(value) ?? "").join("\0");
  };
  const known = new Set(others.map(like));
  return (key) => known.has(like(key));
}
