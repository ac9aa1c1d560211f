import pg from "pg";
import { expect, inject, test } from "vitest";
import { freshDatabase } from "../../support/databases.ts";

test.each(["source", "target"] as const)("the shared %s decodes logically, and has room for many slots", async (side) => {
  await using database = await freshDatabase(side);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query(
      "SELECT current_database() AS name, current_setting('wal_level') AS level, current_setting('listen_addresses') AS listens",
    );
    expect(rows).toEqual([{ name: database.name, level: "logical", listens: "127.0.0.1" }]);
  } finally {
    await client.end();
  }
});

test("source and target are two servers", () => {
  expect(new URL(inject("source")).port).not.toBe(new URL(inject("target")).port);
});
