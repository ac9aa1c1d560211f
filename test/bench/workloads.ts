/**
 * What the benchmarks run on: rows of ten mixed columns, about 240 bytes of data, as the peers were measured with (docs/benchmarks.md).
 *
 * Each workload prepares what is there before, and then writes what is measured; both in the server, so that a client's speed has no part in it. A row
 * of a transaction of its own ends each (`sentinel`): where it is, everything before it is.
 */
import type { ClientBase } from "pg";

export interface Workload {
  readonly name: string;
  readonly what: string;
  /** Row changes of `write`, as many as `rows` asks for. */
  readonly rows: number;
  prepare(client: ClientBase): Promise<void>;
  write(client: ClientBase): Promise<void>;
}

export const tableSqlOf = (name: string): string => `
  CREATE TABLE ${name} (
    id  bigint PRIMARY KEY,
    n   int,
    s20 text,
    s60 text,
    amt numeric(12,2),
    ts  timestamptz,
    ok  boolean,
    doc jsonb,
    uid uuid,
    d   double precision
  )`;

export const tableSql = tableSqlOf("bench");

const longer = (id: string): string => `'a longer text that stands for a name and an address ' || (${id} % 10000000)::text`;

/** @param text SQL of the column s60 */
export const rowSql = (id: string, text = longer(id)): string => `
  ${id}, (${id} % 1000000)::int, 'text of row ' || (${id} % 100000000)::text, ${text},
  (${id} % 1000000) * 1.25, timestamptz '2026-01-01' + (${id} % 1000000) * interval '1 second', ${id} % 2 = 0,
  jsonb_build_object('side', 'buy', 'qty', ${id} % 1000, 'venue', 'X'), md5(${id}::text)::uuid, ${id} / 3.0`;

/** Written last, in a transaction of its own. */
export const sentinelSql = `INSERT INTO bench SELECT ${rowSql("(-1)::bigint")}`;

/** Bulk: new rows, a thousand in a transaction. */
export function bulk(rows: number): Workload {
  return newRows("w1", `${rows} new rows, 1000 a transaction`, rows, 1000);
}

/** @param text SQL of the column s60 of the row g */
function newRows(name: string, what: string, rows: number, perTransaction: number, text?: string): Workload {
  return {
    name,
    what,
    rows,
    prepare: async () => {},
    write: async (client) => {
      await client.query(`
        DO $$ BEGIN
          FOR i IN 0..${Math.ceil(rows / perTransaction) - 1} LOOP
            INSERT INTO bench SELECT ${rowSql("g", text)}
              FROM generate_series(i * ${perTransaction} + 1, least((i + 1) * ${perTransaction}, ${rows})::bigint) g;
            COMMIT;
          END LOOP;
        END $$`);
    },
  };
}

/** Small transactions of one row: 60 % updates, 30 % new rows, 10 % deletes. */
export function small(rows: number): Workload {
  const before = rows;
  return {
    name: "w2",
    what: `${rows} transactions of one row: 60 % updates, 30 % inserts, 10 % deletes`,
    rows,
    prepare: async (client) => {
      await client.query(`INSERT INTO bench SELECT ${rowSql("g")} FROM generate_series(1, ${before}::bigint) g`);
    },
    write: async (client) => {
      // Every tenth transaction deletes a row of the upper tenth, which no update touches.
      await client.query(`
        DO $$ DECLARE k bigint; BEGIN
          FOR i IN 1..${rows} LOOP
            CASE
              WHEN i % 10 < 6 THEN
                k := 1 + (i::bigint * 7919) % ${Math.floor(before * 0.9)};
                UPDATE bench SET n = i, amt = i * 1.5, s20 = 'changed ' || i, ts = now() WHERE id = k;
              WHEN i % 10 < 9 THEN
                INSERT INTO bench SELECT ${rowSql(`(${before} + i)::bigint`)};
              ELSE
                DELETE FROM bench WHERE id = ${before} - i / 10;
            END CASE;
            COMMIT;
          END LOOP;
        END $$`);
    },
  };
}

/** Wide: new rows of 2 KB, a hundred in a transaction; text that does not compress well, as long as it is stored in the row. */
export function wide(rows: number): Workload {
  const text = "(SELECT string_agg(md5(g::text || part), '') FROM generate_series(1, 54) part)";
  return newRows("w4", `${rows} new rows of 2 KB, 100 a transaction`, rows, 100, text);
}

/** One transaction. */
export function giant(rows: number): Workload {
  return {
    name: "w5",
    what: `${rows} new rows in one transaction`,
    rows,
    prepare: async () => {},
    write: async (client) => {
      await client.query(`INSERT INTO bench SELECT ${rowSql("g")} FROM generate_series(1, ${rows}::bigint) g`);
    },
  };
}

/** Hot keys: of ten changes nine update one of a hundred rows, ten changes in a transaction. */
export function hot(rows: number): Workload {
  return {
    name: "w6",
    what: `${rows} changes, 10 a transaction: nine updates of one of 100 rows and an insert`,
    rows,
    prepare: async (client) => {
      await client.query(`INSERT INTO bench SELECT ${rowSql("g")} FROM generate_series(1, 100::bigint) g`);
    },
    write: async (client) => {
      await client.query(`
        DO $$ DECLARE k bigint; BEGIN
          FOR i IN 1..${rows} LOOP
            IF i % 10 = 0 THEN
              INSERT INTO bench SELECT ${rowSql("(100 + i)::bigint")};
              COMMIT;
            ELSE
              k := 1 + (i::bigint * 7919) % 100;
              UPDATE bench SET n = i, amt = i * 1.5, s20 = 'changed ' || i, ts = now() WHERE id = k;
            END IF;
          END LOOP;
        END $$`);
    },
  };
}

/** Nothing: what is measured is written while it is replicated. */
export function quiet(name: string): Workload {
  return { name, what: "an empty table", rows: 0, prepare: async () => {}, write: async () => {} };
}
