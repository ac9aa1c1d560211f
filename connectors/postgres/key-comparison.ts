/**
 * Keys compared column by column, each by its own type's operators: those of an extension are not where names are looked for, and a row comparison takes one
 * operator's name for all columns.
 *
 * Pure. Source: PostgreSQL documentation, "Row Constructor Comparison", "Operator Invocations".
 */

/** A column of a key, both parts as SQL has them. */
export interface ComparedColumn {
  readonly sql: string;
  /** Schema of the operators. */
  readonly operators: string;
}

/** @param value SQL */
export function compared({ sql, operators }: ComparedColumn, operator: ">" | ">=" | "=" | "<=", value: string): string {
  return `${sql} OPERATOR(${operators}.${operator}) ${value}`;
}

/** Keys behind this one. Its first column alone bounds the part of the index that is read. @param values SQL, one for each column */
export function beyond(columns: readonly ComparedColumn[], values: readonly string[]): string {
  const [first, ...rest] = columns;
  const value = values[0]!;
  if (rest.length === 0) return compared(first!, ">", value);
  const equal = `${compared(first!, "=", value)} AND (${beyond(rest, values.slice(1))})`;
  return `${compared(first!, ">=", value)} AND (${compared(first!, ">", value)} OR (${equal}))`;
}
