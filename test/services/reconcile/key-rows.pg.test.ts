import pg from "pg";
import { afterAll, expect, test } from "vitest";
import type { SideTable } from "../../../services/reconcile/compared-table.ts";
import { readKeyRows } from "../../../services/reconcile/key-rows.ts";
import { freshDatabase } from "../../support/databases.ts";

const long = "k".repeat(250);

const database = await freshDatabase("source");
const client = new pg.Client(database.url);
await client.connect();
await client.query(
  `CREATE TABLE t (id bytea, name text, note text, PRIMARY KEY (name, id)); INSERT INTO t VALUES ('\\x${"ab".repeat(150)}', '${long}', 'n')`,
);
afterAll(async () => {
  await client.end();
  await database.drop();
});

const columns = ['"id"', '"name"', '"note"'];
const table: SideTable = {
  oid: 0,
  name: '"public"."t"',
  from: 'ONLY "public"."t"',
  columns,
  hashed: columns,
  hashing: "representation",
  key: [
    { name: '"name"', cast: "text", operators: "pg_catalog" },
    { name: '"id"', cast: "bytea", operators: "pg_catalog" },
  ],
};

test("a row that is shown cut has its key whole: a repair would ask for it, and find it nowhere", async () => {
  const asked = [long, `\\x${"AB".repeat(150)}`];
  const [found, none] = await readKeyRows(
    client,
    table,
    columns.map(() => false),
    [asked, ["nobody", "\\x"]],
  );
  expect(found?.key).toEqual([long, `\\x${"ab".repeat(150)}`]);
  expect(found?.values.map((value) => value?.length)).toEqual([expect.any(Number), expect.any(Number), 1]);
  expect(found?.values[1]).toContain("…");
  expect(none).toBeUndefined();
});
