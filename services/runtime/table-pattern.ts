/**
 * An entry of `tables`: a table's name, or a pattern with `*` for any run of characters.
 *
 * A pattern that matches more than its author thought gives a service tables that belong to another one; one that matches less leaves a table
 * behind that nobody replicates. So names are compared as the catalog spells them, case included, and nothing but `*` is special.
 *
 *     entry  = [ name "." ] name              the schema is `public` where it is left out
 *     name   = bare | '"' quoted '"'
 *     bare   = any characters but . and "
 *     quoted = any characters, " written twice; needed only for a name with a dot or a quote
 *
 * Pure.
 */
import { escapeIdentifier } from "pg";

/** Schema and table; either may hold `*`. */
export interface TablePattern {
  readonly schema: string;
  readonly table: string;
}

/** A table as the catalog names it. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

const entry = /^(?:("(?:[^"]|"")+"|[^."]+)\.)?("(?:[^"]|"")+"|[^."]+)$/s;

/**
 * What the entry says, or undefined when it follows no such grammar.
 *
 * @param schema of an entry that names none
 */
export function parseTablePattern(text: string, schema = "public"): TablePattern | undefined {
  const match = entry.exec(text);
  if (match?.[2] === undefined) return undefined;
  return { schema: match[1] === undefined ? schema : unquoted(match[1]), table: unquoted(match[2]) };
}

/** A name of a catalog, as an entry has it. */
export function writtenName(name: string): string {
  return /[."]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}

/** As messages, marks and lists name a table: schema.table. */
export function fullName({ schema, table }: TableName): string {
  return `${schema}.${table}`;
}

/** As statements name a table. */
export function quotedName({ schema, table }: TableName): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
}

export function isLiteral(pattern: TablePattern): boolean {
  return !pattern.schema.includes("*") && !pattern.table.includes("*");
}

export function matchesTable(pattern: TablePattern, name: TableName): boolean {
  return matches(pattern.schema, name.schema) && matches(pattern.table, name.table);
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** Each piece between stars is taken at the first place it fits, which cannot miss a match and, unlike a regular expression, cannot take exponential time. */
function matches(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let from = first.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, from);
    if (found === -1) return false;
    from = found + piece.length;
  }
  return name.length - last.length >= from && name.endsWith(last);
}
