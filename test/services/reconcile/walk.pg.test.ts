import pg from "pg";
import { afterAll, expect, test } from "vitest";
import type { KeyRange } from "../../../services/reconcile/key-range.ts";
import { buckets, differingBuckets } from "../../../services/reconcile/key-buckets.ts";
import { type RangeHash, readRangeHash } from "../../../services/reconcile/range-hash.ts";
import { RangeSize } from "../../../services/reconcile/range-size.ts";
import { readRowHashes, tooMany } from "../../../services/reconcile/row-hashes.ts";
import { walk } from "../../../services/reconcile/walk.ts";
import { freshDatabase } from "../../support/databases.ts";
import { sideTable } from "./side-table.ts";

const database = await freshDatabase("source");
const client = new pg.Client(database.url);
await client.connect();
await client.query("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 2500)");
afterAll(async () => {
  await client.end();
  await database.drop();
});

const key = [{ name: '"id"', cast: "integer", operators: "pg_catalog" }];
const table = sideTable(key);

async function ranges(within?: KeyRange): Promise<(string | undefined)[][]> {
  const found: (string | undefined)[][] = [];
  const size = new RangeSize();
  size.rows = 700;
  // Every range took long, so that all are of the size of the first.
  size.took = () => {};
  for await (const { after, upTo } of walk(async (work) => work(client), table, size, within)) found.push([after?.[0], upTo?.[0]]);
  return found;
}

test("ranges end in the order of the key, and not of its text; they meet, and end where they are to end", async () => {
  expect(await ranges()).toEqual([
    [undefined, "700"],
    ["700", "1400"],
    ["1400", "2100"],
    ["2100", undefined],
  ]);
  expect(await ranges({ after: ["90"], upTo: ["1000"] })).toEqual([
    ["90", "790"],
    ["790", "1000"],
  ]);
});

test("rows of a range are read all or not at all", async () => {
  const range = { after: ["100"], upTo: ["200"] };
  const hashes = await readRowHashes(client, table, table.columns, range, 100);
  expect([hashes === tooMany ? 0 : hashes.size, await readRowHashes(client, table, table.columns, range, 99)]).toEqual([100, tooMany]);
});

test("buckets of a range have each row once, and one that differs is found in its own", async () => {
  const all = { after: ["100"], upTo: ["1100"] };
  const read = async (inBuckets: boolean): Promise<RangeHash> => readRangeHash(client, table, table.hashed, all, inBuckets);
  const [whole, before] = [await read(false), await read(true)];
  expect([whole.rows, whole.hashes.size, before.rows, before.hashes.size]).toEqual([1000, 1, 1000, buckets]);
  await client.query("BEGIN; DELETE FROM t WHERE id = 500; INSERT INTO t VALUES (5000)");
  const only = differingBuckets(before.hashes, (await read(true)).hashes);
  await client.query("ROLLBACK");
  expect(only.length).toBe(1);
  const rows = await readRowHashes(client, table, table.hashed, { ...all, only }, 1000);
  const others = await readRowHashes(
    client,
    table,
    table.hashed,
    { ...all, only: [...before.hashes.keys()].filter((bucket) => bucket !== only[0]) },
    1000,
  );
  if (rows === tooMany || others === tooMany) throw new Error("a range has more rows than it had");
  expect([rows.has("500"), others.has("500"), rows.size + others.size]).toEqual([true, false, 1000]);
});
