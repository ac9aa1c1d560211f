import { Client } from "pg";
import { expect, test } from "vitest";
import { readRowEstimates } from "../../../connectors/postgres/row-estimates.ts";
import { freshDatabase } from "../../support/databases.ts";

test("estimates are what was analysed, of partitioned tables the sum, and there is none where a part was never analysed", async () => {
  await using database = await freshDatabase("source");
  const client = new Client(database.url);
  await client.connect();
  const tables = ["users", "Odd names", "events", "nothing"].map((table) => ({ schema: "public", table }));
  const estimates = async (): Promise<unknown> => Object.fromEntries(await readRowEstimates(client, tables));
  await client.query(`
    CREATE TABLE users (id int8) WITH (autovacuum_enabled = false);
    CREATE TABLE "Odd names" (id int8) WITH (autovacuum_enabled = false);
    CREATE TABLE events (id int8) PARTITION BY RANGE (id);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (11) WITH (autovacuum_enabled = false);
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (11) TO (21) PARTITION BY RANGE (id);
    CREATE TABLE events_2_1 PARTITION OF events_2 FOR VALUES FROM (11) TO (21) WITH (autovacuum_enabled = false);
    INSERT INTO users SELECT generate_series(1, 30); INSERT INTO events SELECT generate_series(1, 20)`);
  expect(await estimates()).toEqual({});
  await client.query('ANALYZE users; ANALYZE "Odd names"; ANALYZE events_1');
  expect(await estimates()).toEqual({ "public.users": 30, "public.Odd names": 0 });
  await client.query("ANALYZE events_2_1");
  expect(await estimates()).toEqual({ "public.users": 30, "public.Odd names": 0, "public.events": 20 });
  await client.end();
});
