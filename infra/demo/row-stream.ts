/**
 * The rows of a table in the order of their keys, as text, a few at a time.
 *
 * The text of a whole row is PostgreSQL's own, from ROW(…): it tells NULL from an empty text and one column from the next. Keys are ordered by their
 * bytes, since two servers may sort by different collations.
 */
import pg, { type Client } from "pg";
import type { TableName } from "../../services/runtime/table-pattern.ts";

export interface TableShape extends TableName {
  /** Of the primary key, in its order. */
  readonly keys: readonly string[];
  /** All of them, generated ones too. */
  readonly columns: readonly string[];
}

export interface TextRow {
  readonly key: readonly string[];
  readonly row: string;
}

const shapeSql = `
  SELECT (SELECT array_agg(a.attname::text ORDER BY a.attnum)
            FROM pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
         (SELECT array_agg(a.attname::text ORDER BY k.place)
            FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, place), pg_attribute a
           WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.attnum) AS keys
    FROM pg_class c
   WHERE c.oid = to_regclass($1)`;

/** As the monolith has it: what the target lacks of it is an error when it is read. @throws RangeError for a table without a primary key */
export async function readShape(source: Client, { schema, table }: TableName): Promise<TableShape> {
  const { rows } = await source.query<{ columns: string[]; keys: string[] | null }>(shapeSql, [quoted(schema, table)]);
  const shape = rows[0];
  if (shape?.keys === undefined || shape.keys === null) throw new RangeError(`${schema}.${table} has no primary key to be compared by`);
  return { schema, table, columns: shape.columns, keys: shape.keys };
}

/** Rows that are in memory at a time. */
const portion = 1000;

/** The session must be in a transaction, and have no other stream open. */
export async function* rowStream(client: Client, { schema, table, keys, columns }: TableShape): AsyncGenerator<TextRow, void> {
  const list = keys.map((key) => `${pg.escapeIdentifier(key)}::text`);
  const order = list.map((key) => `${key} COLLATE "C"`);
  await client.query(
    `DECLARE rows NO SCROLL CURSOR FOR
     SELECT ARRAY[${list.join(", ")}] AS key, ROW(${columns.map((column) => pg.escapeIdentifier(column)).join(", ")})::text AS row
       FROM ${quoted(schema, table)}
      ORDER BY ${order.join(", ")}`,
  );
  for (;;) {
    const { rows } = await client.query<TextRow>(`FETCH ${portion} FROM rows`);
    if (rows.length === 0) break;
    yield* rows;
  }
  await client.query("CLOSE rows");
}

/** Negative when `a` comes first in the order of the stream. */
export function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (const [i, part] of a.entries()) {
    const order = Buffer.compare(Buffer.from(part), Buffer.from(b[i] ?? ""));
    if (order !== 0) return order;
  }
  return 0;
}

function quoted(schema: string, table: string): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
}
