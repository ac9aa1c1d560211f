/**
 * What of a row is compared: the text that PostgreSQL prints for it, hashed where it is. A hash that cannot see a difference reports equal sides for ever; one that
 * sees a difference which is none reports mismatches that nobody can mend.
 *
 * The row's text tells NULL from an empty text and one column from the next, which concat_ws() does not; 1.0 from 1.00 and 0 from -0, which a comparison by `=` does
 * not. Each hash is one of the whole row with its key, so that two rows that have swapped a value are two other hashes: a sum over columns would be the same.
 * Two seeds make 128 bits. What is printed depends on the session: all of ours have the same settings (connectors/postgres/session.ts).
 *
 * Pure. Source: PostgreSQL documentation, "Composite Types", Composite Type Input and Output Syntax; src/backend/access/hash/hashfunc.c, hashtextextended.
 */

const seeds = [1, 2] as const;

/** Bytes of a value that a report shows; what is longer is cut, with the hash of the whole. */
export const shownBytes = 200;

/** @param columns quoted */
export function rowText(columns: readonly string[]): string {
  return `ROW(${columns.join(", ")})::text COLLATE "C"`;
}

/** Number of rows, and the xor of their hashes. @param rows a query whose column `r` is the text of a row */
export function hashOfRows(rows: string): string {
  const hashes = seeds.map((seed) => `coalesce(pg_catalog.bit_xor(pg_catalog.hashtextextended(r, ${seed})), 0)::text`);
  return `SELECT pg_catalog.count(*)::float8 AS rows, ${hashes.join(" || ':' || ")} AS hash FROM (${rows} OFFSET 0) AS q`;
}

/** Hash of one row. @param text an expression of type text, not null */
export function hashOfText(text: string): string {
  return seeds.map((seed) => `pg_catalog.to_hex(pg_catalog.hashtextextended(${text}, ${seed}))`).join(" || ':' || ");
}

/**
 * A value as reports show it and as two rows are compared by: by its type's own output, since a cast to text strips the blanks of a char(n). Null for NULL alone: a row
 * value of nothing but NULLs IS NULL, too, and is another value.
 *
 * @param redacted whether it must not leave the database: its hash does
 */
export function shownValue(column: string, redacted: boolean): string {
  const text = `pg_catalog.format('%s', ${column}) COLLATE "C"`;
  const hash = `'[' || ${hashOfText(text)} || ']'`;
  const cut = `pg_catalog.left(${text}, ${shownBytes}) || '… ' || ${hash}`;
  const shown = redacted ? hash : `CASE WHEN pg_catalog.octet_length(${text}) <= ${shownBytes} THEN ${text} ELSE ${cut} END`;
  return `CASE WHEN pg_catalog.num_nulls(${column}) = 0 THEN ${shown} END`;
}
