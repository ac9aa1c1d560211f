/**
 * The monolith of the chaos tests: a bank. Every transaction moves money between two accounts, so that the sum of all balances never changes; beside that it does
 * what makes replication hard (deed.ts).
 *
 * A service that reads the same tables can tell from one look at them whether it sees a transaction in part.
 */
import type { Client } from "pg";

export const accounts = 200;
export const opening = 1000;

/** Of all balances, always. */
export const total = accounts * opening;

/** A posting says how many its run has: a run that was seen in part shows. */
export const schemaSql = `
  CREATE TABLE account (
    id      integer PRIMARY KEY,
    balance bigint  NOT NULL,
    moves   bigint  NOT NULL DEFAULT 0,
    story   text    NOT NULL
  );
  CREATE TABLE transfer (
    id     bigint PRIMARY KEY,
    source integer NOT NULL,
    target integer NOT NULL,
    amount bigint  NOT NULL,
    at     timestamptz NOT NULL DEFAULT clock_timestamp()
  );
  CREATE TABLE note (
    id      bigint PRIMARY KEY,
    touched integer NOT NULL,
    body    text NOT NULL
  );
  CREATE TABLE posting (
    run  bigint,
    n    integer,
    size integer NOT NULL,
    mark integer NOT NULL,
    PRIMARY KEY (run, n)
  );`;

/** Each with its key. */
export const tables = { account: "id", transfer: "id", note: "id", posting: "run, n" } as const;

export type Table = keyof typeof tables;

// Incompressible text of 8 kB: it lies outside of the row, and an update of the balance does not write it again.
const openingSql = `
  INSERT INTO account (id, balance, story)
  SELECT a, ${opening}, (SELECT string_agg(md5(a::text || i::text), '') FROM generate_series(1, 250) i) FROM generate_series(1, ${accounts}) a`;

export async function openAccounts(client: Client): Promise<void> {
  await client.query(openingSql);
}

/** What one look shows: the sum of the balances, moves without their transfer, runs that are there in part, and how many transfers there are. */
export const lookSql = `
  SELECT (SELECT coalesce(sum(balance), 0) FROM account)::text AS total,
         (SELECT coalesce(sum(moves), 0) FROM account) - 2 * (SELECT count(*) FROM transfer) AS half,
         (SELECT count(*) FROM (SELECT FROM posting GROUP BY run HAVING count(*) <> max(size) OR min(mark) <> max(mark)) AS part) AS torn,
         (SELECT count(*) FROM transfer) AS transfers`;
