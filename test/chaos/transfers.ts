/**
 * The workload of the chaos tests: transfers between accounts, each of which is one transaction over two tables that keeps the sum of all balances. Beside
 * them what makes replication hard: texts that are TOASTed and stay unchanged, changes of key, rows that come and go, transactions that roll back, and
 * now and then one that touches every account.
 *
 * Seeded: the same seed makes the same decisions, whatever the servers do to their order.
 */
import pg, { type Client } from "pg";
import type { Ledger, Transfer } from "./ledger.ts";

const accounts = 200;
const opening = 1000;

/** Of all balances, always. */
export const total = accounts * opening;

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
    id   bigint PRIMARY KEY,
    body text NOT NULL
  );`;

// Incompressible text of 8 kB: it lies outside of the row, and an update of the balance does not write it again.
const openingSql = `
  INSERT INTO account (id, balance, story)
  SELECT a, ${opening}, (SELECT string_agg(md5(a::text || i::text), '') FROM generate_series(1, 250) i) FROM generate_series(1, ${accounts}) a`;

export async function openAccounts(client: Client): Promise<void> {
  await client.query(openingSql);
}

export interface Load {
  /** Lets each worker finish its transaction. */
  stop(): Promise<void>;
}

/** Mulberry32: small, seeded, good enough to choose accounts with. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** @param workers connections that write at the same time */
export function startTransfers(url: string, ledger: Ledger, seed: number, workers: number): Load {
  const over = new AbortController();
  const running = Array.from({ length: workers }, async (_, worker) => {
    const client = new pg.Client(url);
    client.on("error", () => {});
    await client.connect();
    const next = random(seed * 1000 + worker);
    for (let n = 0; !over.signal.aborted; n += 1) await transaction(client, ledger, next, worker * 1_000_000_000 + n);
    await client.end();
  });
  return {
    async stop() {
      over.abort();
      await Promise.all(running);
    },
  };
}

async function transaction(client: Client, ledger: Ledger, next: () => number, id: number): Promise<void> {
  const from = 1 + Math.floor(next() * accounts);
  const to = 1 + ((from + Math.floor(next() * (accounts - 1))) % accounts);
  const amount = 1 + Math.floor(next() * 50);
  const transfer: Transfer = { id, from, to, amount };
  const kind = next();
  // Accounts are locked in order, so that no two workers wait for each other.
  const [first, second] = from < to ? [from, to] : [to, from];
  await client.query("BEGIN");
  await client.query("SELECT 1 FROM account WHERE id IN ($1, $2) ORDER BY id FOR UPDATE", [first, second]);
  await client.query(
    "UPDATE account SET balance = balance + CASE WHEN id = $1 THEN -$3::bigint ELSE $3::bigint END, moves = moves + 1 WHERE id IN ($1, $2)",
    [from, to, amount],
  );
  await client.query("INSERT INTO transfer (id, source, target, amount) VALUES ($1, $2, $3, $4)", [id, from, to, amount]);
  if (kind < 0.1) await client.query("INSERT INTO note (id, body) VALUES ($1, repeat('note ', 20))", [id]);
  else if (kind < 0.15)
    await client.query("UPDATE note SET id = -id WHERE id = (SELECT max(id) FROM note WHERE id BETWEEN $1 AND $2)", [id - 1000, id]);
  else if (kind < 0.2) await client.query("DELETE FROM note WHERE id = (SELECT min(id) FROM note WHERE id BETWEEN $1 AND $2)", [id - 1000, id]);
  else if (kind < 0.25) {
    await client.query("SAVEPOINT s");
    await client.query("UPDATE account SET balance = balance + 1000000 WHERE id = $1", [from]);
    await client.query("ROLLBACK TO SAVEPOINT s");
  } else if (kind > 0.995) await client.query("UPDATE account SET story = story || 'x' WHERE id IN ($1, $2)", [from, to]);
  if (kind > 0.25 && kind < 0.28) {
    await client.query("ROLLBACK");
    return;
  }
  await client.query("COMMIT");
  ledger.acknowledge(transfer);
}

/** Everything about one side that can be compared, and one number that only whole transactions keep. */
export const stateSql = `
  SELECT (SELECT coalesce(sum(balance), 0) FROM account)::text AS total,
         (SELECT coalesce(sum(moves), 0) FROM account) - 2 * (SELECT count(*) FROM transfer) AS half`;

export const tables = ["account", "transfer", "note"] as const;
