import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { expect, test } from "vitest";
import { Load } from "../../../infra/demo/load.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase, uniqueName } from "../../support/databases.ts";

const monolith = await readFile(fileURLToPath(new URL("../../../infra/demo/monolith.sql", import.meta.url)), "utf8");

/** Row changes as PostgreSQL's own decoding tells them: the first byte of each of pgoutput's messages. */
const decodedSql = `
  SELECT chr(get_byte(data, 0)) AS kind, count(*)::int AS count
    FROM pg_logical_slot_peek_binary_changes($1, NULL, NULL, 'proto_version', '1', 'publication_names', 'everything')
   GROUP BY 1`;

async function loaded(seed: number, rows: number): Promise<{ ledger: Load["ledger"]; decoded: Record<string, number>; contents: unknown }> {
  await using database = await freshDatabase("source");
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query(monolith);
    await client.query("CREATE PUBLICATION everything FOR ALL TABLES");
    const slot = uniqueName("load");
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    const load = new Load({ source: new Secret(database.url), seed, rows });
    await load.run(new AbortController().signal);
    const { rows: kinds } = await client.query<{ kind: string; count: number }>(decodedSql, [slot]);
    const contents = await client.query(`
      SELECT (SELECT md5(string_agg(u::text, '|' ORDER BY id)) FROM (SELECT id, email, cash, roles, password_hash FROM users) u) AS users,
             (SELECT md5(string_agg(t::text, '|' ORDER BY client_order_id))
                FROM (SELECT client_order_id, status, quantity, price, notional, fee FROM trades) t) AS trades,
             (SELECT md5(string_agg(d::text, '|' ORDER BY id)) FROM (SELECT id, confidence, rationale, superseded FROM ai_decisions) d) AS decisions`);
    return { ledger: load.ledger, decoded: Object.fromEntries(kinds.map(({ kind, count }) => [kind, count])), contents: contents.rows[0] };
  } finally {
    await client.end();
  }
}

test("the load commits exactly as many row changes as it was told, by PostgreSQL's own decoding, and the same rows in every run", async () => {
  const once = await loaded(3, 12_000);
  const { I = 0, U = 0, D = 0, T = 0, B = 0 } = once.decoded;
  expect(I + U + D + T).toBe(12_000);
  expect(once.ledger).toMatchObject({ changes: 12_000, transactions: B });
  for (const kind of [I, U, D, T]) expect(kind).toBeGreaterThan(0);
  expect((await loaded(3, 12_000)).contents).toEqual(once.contents);
});

test("a load that is stopped has committed what it says", async () => {
  await using database = await freshDatabase("source");
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query(monolith);
    await client.query("CREATE PUBLICATION everything FOR ALL TABLES");
    const slot = uniqueName("load");
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    const load = new Load({ source: new Secret(database.url), seed: 4, changesPerSecond: 2000 });
    const stop = new AbortController();
    const running = load.run(stop.signal);
    while (load.ledger.changes < 500) await new Promise(setImmediate);
    stop.abort();
    await running;
    const { rows } = await client.query<{ kind: string; count: number }>(decodedSql, [slot]);
    const changes = rows.filter(({ kind }) => "IUDT".includes(kind)).reduce((sum, { count }) => sum + count, 0);
    expect(load.ledger.changes).toBe(changes);
  } finally {
    await client.end();
  }
});

test("a row that the load has lost is a failure, not a wrong count", async () => {
  await using database = await freshDatabase("source");
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query(monolith);
    await client.query("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
    await client.query("CREATE TRIGGER a_refuse BEFORE UPDATE ON trades FOR EACH ROW EXECUTE FUNCTION refuse()");
    const load = new Load({ source: new Secret(database.url), seed: 4, rows: 5000 });
    await expect(load.run(new AbortController().signal)).rejects.toThrow(/A statement of the load changed 0 rows instead of 1: UPDATE trades/);
  } finally {
    await client.end();
  }
});
