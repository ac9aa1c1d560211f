/** Whether a partition has rows, as a role sees that may not read it. */
import pg from "pg";
import { expect, test } from "vitest";
import { partitionsWithRows, readCapturedShapes } from "../../../connectors/postgres/captured-shape.ts";
import { freshDatabase, uniqueName } from "../../support/databases.ts";

test("an empty partition that the role may not read is known to be empty; one with rows counts as one with rows", async () => {
  await using database = await freshDatabase("source");
  const client = new pg.Client(database.url);
  await client.connect();
  const role = uniqueName("r");
  try {
    await client.query(`CREATE ROLE ${role}; CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id)`);
    await client.query(
      "CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t_2 PARTITION OF t FOR VALUES IN (2); INSERT INTO t VALUES (2)",
    );
    await client.query(`SET ROLE ${role}`);
    const { partitions } = (await readCapturedShapes(client, [{ schema: "public", table: "t" }])).get("public.t")!;
    const found = await partitionsWithRows(client, partitions);
    expect(partitions.filter(({ oid }) => found.has(oid)).map(({ name }) => name)).toEqual(["public.t_2"]);
  } finally {
    await client.query(`RESET ROLE; DROP ROLE ${role}`);
    await client.end();
  }
});
