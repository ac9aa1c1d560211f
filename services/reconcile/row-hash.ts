/**
 * What of a row is compared: the text that PostgreSQL prints for it, hashed where it is. A hash that cannot see a difference reports equal sides for ever; one that
 * sees a difference which is none reports mismatches that nobody can mend.
 *
 * The row's text tells NULL from an empty text and one column from the next, which concat_ws() does not; 1.0 from 1.00 and 0 from -0, which a comparison by `=` does
 * not. Each hash is one of the whole row with its key, so that two rows that have swapped a value are two other hashes: a sum over columns would be the same.
 * Two seeds make 128 bits. What is printed depends on the session: all of ours have the same settings (connectors/postgres/session.ts).
 *
 * By `value` it is instead what PostgreSQL takes for equal: of types whose hash is the same on every server and says what `=` says (hashedColumn()); of all others it is their text here, too: json has
 * no hash, an enum's is that of its number in one database's catalog.
 *
 * Pure. Source: PostgreSQL documentation, "Composite Types", Composite Type Input and Output Syntax; src/backend/access/hash/hashfunc.c, hashtextextended.
 */

const seeds = [1, 2] as const;

/** Bytes of a value that a report shows; what is longer is cut, with the hash of the whole. */
export const shownBytes = 200;

/** What rows are compared by: their text as it is printed, or their values as `=` takes them. */
export const hashings = ["representation", "value"] as const;
export type Hashing = (typeof hashings)[number];

/**
 * What of a row is hashed: its text; or, for `value`, the hash that PostgreSQL's own index of its values would have, which costs half as much and is blind to 1.0 against 1.00.
 *
 * @param columns quoted; for `value` what hashedColumn() made of them
 */
export function rowImage(hashing: Hashing, columns: readonly string[]): string {
  const row = `ROW(${columns.join(", ")})`;
  return hashing === "value" ? `pg_catalog.hash_record_extended(${row}, 0)` : `${row}::text COLLATE "C"`;
}

/** Mixed once more: record hashes that are combined as they are do not see two rows that have swapped a value. */
function hashFunction(hashing: Hashing): string {
  return hashing === "value" ? "pg_catalog.hashint8extended" : "pg_catalog.hashtextextended";
}

/**
 * Number of rows, and the xor of their hashes.
 *
 * @param rows a query whose column `r` is the image of a row, and `b` its bucket
 * @param byBucket whether each bucket has a line of its own; else there is one with bucket 0
 */
export function hashOfRows(hashing: Hashing, rows: string, byBucket: boolean): string {
  const hashes = seeds.map((seed) => `coalesce(pg_catalog.bit_xor(${hashFunction(hashing)}(r, ${seed})), 0)::text`);
  const [bucket, group] = byBucket ? ["b", " GROUP BY b"] : ["0 AS b", ""];
  return `SELECT ${bucket}, pg_catalog.count(*)::float8 AS rows, ${hashes.join(" || ':' || ")} AS hash FROM (${rows} OFFSET 0) AS q${group}`;
}

/** Hash of one row. @param image an expression as rowImage() gives it, not null */
export function hashOfRow(hashing: Hashing, image: string): string {
  return seeds.map((seed) => `pg_catalog.to_hex(${hashFunction(hashing)}(${image}, ${seed}))`).join(" || ':' || ");
}

/**
 * A value as reports show it and as two rows are compared by: by its type's own output, since a cast to text strips the blanks of a char(n). Null for NULL alone: a row
 * value of nothing but NULLs IS NULL, too, and is another value.
 *
 * @param redacted whether it must not leave the database: its hash does
 */
export function shownValue(column: string, redacted: boolean): string {
  const text = `pg_catalog.format('%s', ${column}) COLLATE "C"`;
  const hash = `'[' || ${hashOfRow("representation", text)} || ']'`;
  const cut = `pg_catalog.left(${text}, ${shownBytes}) || '… ' || ${hash}`;
  const shown = redacted ? hash : `CASE WHEN pg_catalog.octet_length(${text}) <= ${shownBytes} THEN ${text} ELSE ${cut} END`;
  return `CASE WHEN pg_catalog.num_nulls(${column}) = 0 THEN ${shown} END`;
}

/**
 * Types that hash alike wherever their values are equal; those of one line also hash alike among themselves. A float4 and a float8 do, and are not equal where they are what one becomes of the other: 0.1 arrives
 * as 0.1, and not as the nearest float4.
 */
const hashFamilies = [
  ["int2", "int4", "int8"],
  ["text", "varchar"],
  ...[
    "bool",
    "float4",
    "float8",
    "numeric",
    "bpchar",
    "uuid",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "bytea",
    "jsonb",
    "inet",
    "cidr",
    "macaddr",
    "oid",
  ].map((type) => [type]),
];

/** A column of one side: its type with schema, and its collation as side-catalog.ts has it. */
interface HashedType {
  readonly type: string;
  readonly collation: string | null;
}

/** Whether both sides hash equal values of a column alike, so that it need not be printed. */
export function hashesAlike(source: HashedType, target: HashedType): boolean {
  const names = [source, target].map(({ type }) => (type.startsWith("pg_catalog.") ? type.slice("pg_catalog.".length) : ""));
  // What a collation takes for equal hashes alike only under one version of it.
  const isByBytes = [source, target].every(({ collation }) => collation?.endsWith("false") !== true);
  return isByBytes && hashFamilies.some((family) => names.every((name) => family.includes(name)));
}
