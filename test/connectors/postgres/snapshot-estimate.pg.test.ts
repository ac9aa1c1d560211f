/** How many rows a copy says that there are: figures that somebody plans a night by. */
import { Client } from "pg";
import { expect, test } from "vitest";
import { readSnapshotTable } from "../../../connectors/postgres/snapshot-table.ts";
import { freshDatabase } from "../../support/databases.ts";

test("is by the statistics and the size of now, and unknown for a table, or a partition, that was never analysed", async () => {
  await using database = await freshDatabase("source");
  const client = new Client(database.url);
  await client.connect();
  const estimated = async (table: string): Promise<number | undefined> =>
    (await readSnapshotTable(client, { schema: "public", table }, "none")).estimatedRows;
  const fill = async (table: string, from: number, to: number): Promise<void> =>
    void (await client.query(`INSERT INTO ${table} SELECT i, 'a name of some length' FROM generate_series(${from}, ${to}) i`));
  await client.query(`
    CREATE TABLE users (id int8 PRIMARY KEY, name text) WITH (autovacuum_enabled = false);
    CREATE TABLE events (id int8 PRIMARY KEY, name text) PARTITION BY RANGE (id);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (10001) WITH (autovacuum_enabled = false);
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10001) TO (20001) WITH (autovacuum_enabled = false)`);
  expect(await estimated("users")).toBe(0);
  await fill("users", 1, 10_000);
  expect(await estimated("users")).toBeUndefined();
  await client.query("ANALYZE users");
  expect(await estimated("users")).toBe(10_000);
  await fill("users", 10_001, 20_000);
  expect(Math.abs((await estimated("users"))! - 20_000)).toBeLessThan(500);
  await fill("events", 1, 20_000);
  await client.query("ANALYZE events_1");
  expect(await estimated("events")).toBeUndefined();
  await client.query("ANALYZE events_2");
  expect(await estimated("events")).toBe(20_000);
  await client.end();
});
