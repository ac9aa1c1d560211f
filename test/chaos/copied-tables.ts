/**
 * The tables of `npm run chaos:copies`: ten mixed columns each, and a key of another kind each, so that copies walk an index of bigint, of uuid, and of two columns.
 * A row is found by one number, which everything in it comes from.
 *
 * One row of a thousand has 8 kB of text that lies outside of it: an update of the row does not carry it.
 */
export interface CopiedTable {
  readonly name: string;
  /** Columns of the primary key. */
  readonly key: string;
  /** Of all rows. */
  readonly share: number;
  /** SQL: the row of the number. */
  readonly where: (k: string) => string;
}

export const copiedTables: readonly CopiedTable[] = [
  { name: "orders", key: "id", share: 0.6, where: (k) => `id = ${k}` },
  { name: "parties", key: "uid", share: 0.2, where: (k) => `uid = ${uid(k)}` },
  { name: "lines", key: "s20, id", share: 0.2, where: (k) => `s20 = ${group(k)} AND id = ${k}` },
];

const uid = (k: string): string => `md5((${k})::text)::uuid`;
const group = (k: string): string => `'group ' || abs(${k}) % 5000`;

/** Rows whose text is outside of them. */
export const wideEvery = 1000;

export const schemaSql = copiedTables
  .map(
    ({ name, key }) => `
  CREATE TABLE ${name} (
    id  bigint NOT NULL,
    n   int,
    s20 text NOT NULL,
    s60 text,
    amt numeric,
    ts  timestamptz,
    ok  boolean,
    doc jsonb,
    uid uuid NOT NULL,
    d   double precision,
    PRIMARY KEY (${key})
  );`,
  )
  .join("\n");

/** SQL: the columns of a row. @param k its number, bigint. @param n which transaction wrote it last */
export const rowSql = (k: string, n: string): string => `
  ${k}, ${n}, ${group(k)},
  CASE WHEN ${k} % ${wideEvery} = 0 THEN (SELECT string_agg(md5(${k}::text || i), '') FROM generate_series(1, 250) i)
       ELSE 'a longer text that stands for a name and an address ' || ${k} END,
  CASE WHEN ${k} % 97 = 0 THEN 'NaN' ELSE ${k} % 1000000 * 1.2500 END,
  CASE ${k} % 89 WHEN 0 THEN 'infinity' WHEN 1 THEN NULL ELSE timestamptz '2026-01-01' + ${k} % 1000000 * interval '1 second' END,
  ${k} % 2 = 0, jsonb_build_object('side', 'buy', 'qty', ${k} % 1000, 'venue', 'X'), ${uid(k)}, ${k} / 3.0`;

export const fillSql = ({ name }: CopiedTable, rows: number): string =>
  `INSERT INTO ${name} SELECT ${rowSql("g", "0")} FROM generate_series(1, ${rows}::bigint) g`;

/** SQL: all that moves with a row's number. */
export const moveSql = (to: string): string => `id = ${to}, s20 = ${group(to)}, uid = ${uid(to)}`;
