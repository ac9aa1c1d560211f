/** A row's key on one line. Pure. */
import type { RowKey } from "./api-answers.ts";

/** @returns `id = 7, region = "north west"`, NULL as that */
export function rowKeyText(key: RowKey): string {
  return Object.entries(key)
    .map(([column, value]) => `${column} = ${valueText(value)}`)
    .join(", ");
}

/** As PostgreSQL prints it; what would be taken for something else, or for nothing, is quoted. */
export function valueText(value: string | null): string {
  if (value === null) return "NULL";
  // In brackets: what stands there in place of a value that is redacted.
  return /^[\w.:+@/-]+$|^\[[\w:]+\]$/.test(value) && value !== "NULL" ? value : JSON.stringify(value);
}
