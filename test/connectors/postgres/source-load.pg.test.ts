import pg from "pg";
import { expect, test } from "vitest";
import { readLoad } from "../../../connectors/postgres/source-load.ts";
import { freshDatabase, uniqueName } from "../../support/databases.ts";

test("a role that may not see what others do is told from a source that has nothing to do", async () => {
  const database = await freshDatabase("source");
  const admin = new pg.Client(database.url);
  await admin.connect();
  const role = uniqueName("load");
  await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'load'`);
  const url = new URL(database.url);
  url.username = role;
  url.password = "load";
  const plain = new pg.Client(url.href);
  await plain.connect();
  try {
    expect((await readLoad(plain)).hidden).toBeGreaterThan(0);
    await admin.query(`GRANT pg_read_all_stats TO ${role}`);
    expect((await readLoad(plain)).hidden).toBe(0);
  } finally {
    await plain.end();
    await admin.query(`DROP ROLE ${role}`);
    await admin.end();
    await database.drop();
  }
});
