import pg from "pg";
import { beforeEach, expect, test } from "vitest";
import { prove, type TableProof } from "../../../infra/demo/proof.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase, type TestDatabase } from "../../support/databases.ts";

const { signal } = new AbortController();
let source: TestDatabase;
let target: TestDatabase;

beforeEach(async () => {
  source = await freshDatabase("source");
  target = await freshDatabase("target");
  return async () => {
    await source.drop();
    await target.drop();
  };
});

async function run({ url }: TestDatabase, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function both(sql: string): Promise<void> {
  for (const database of [source, target]) await run(database, sql);
}

async function proven(...tables: string[]): Promise<TableProof[]> {
  const names = tables.map((table) => ({ schema: "public", table }));
  return prove(new Secret(source.url), [{ service: "svc", target: new Secret(target.url), tables: names }], signal);
}

const numbers = `
  CREATE TABLE n (id int PRIMARY KEY, v text, twice int GENERATED ALWAYS AS (id * 2) STORED);
  INSERT INTO n SELECT i, 'v' || i FROM generate_series(1, 2500) i`;

test("equal tables are equal, empty ones too, and every row is counted", async () => {
  await both(`${numbers}; CREATE TABLE e (id int PRIMARY KEY)`);
  expect(await proven("n", "e")).toEqual([
    { service: "svc", table: "public.n", sourceRows: 2500, targetRows: 2500, rows: 2500, different: 0, differences: [] },
    { service: "svc", table: "public.e", sourceRows: 0, targetRows: 0, rows: 0, different: 0, differences: [] },
  ]);
});

test.each([
  ["UPDATE n SET v = 'w' WHERE id = 1001", "differing", "id=1001", 2500, 2500],
  ["UPDATE n SET v = NULL WHERE id = 2500", "differing", "id=2500", 2500, 2500],
  ["UPDATE n SET v = '' WHERE id = 1", "differing", "id=1", 2500, 2500],
  ["DELETE FROM n WHERE id = 1", "missing", "id=1", 2499, 2500],
  ["DELETE FROM n WHERE id = 2500", "missing", "id=2500", 2499, 2500],
  ["INSERT INTO n VALUES (0, 'v')", "extra", "id=0", 2501, 2501],
  ["INSERT INTO n VALUES (99999, 'v')", "extra", "id=99999", 2501, 2501],
])("one row in 2500: %s", async (sql, kind, key, targetRows, rows) => {
  await both(numbers);
  await run(target, sql);
  expect(await proven("n")).toMatchObject([{ sourceRows: 2500, targetRows, rows, different: 1, differences: [{ kind, key }] }]);
});

test("an empty text is not NULL, a trailing zero is not nothing, -0 is not 0, and a column is not its neighbour", async () => {
  await both("CREATE TABLE v (id int PRIMARY KEY, a text, b text, n numeric, f float8)");
  await run(source, `INSERT INTO v VALUES (1, '', NULL, 1.0, 0), (2, 'x', '', 1, 0), (3, 'a', 'b', 1, 0), (4, 'a,b', '', 1, 0)`);
  await run(target, `INSERT INTO v VALUES (1, NULL, NULL, 1.0, 0), (2, 'x', '', 1.0, 0), (3, 'a', 'b', 1, '-0'), (4, 'a', 'b,', 1, 0)`);
  const [proof] = await proven("v");
  expect(proof?.differences.map(({ key }) => key)).toEqual(["id=1", "id=2", "id=3", "id=4"]);
});

const keyed = (collation: string): string => `
  CREATE TABLE k (a text COLLATE "${collation}", b text COLLATE "${collation}", v int, PRIMARY KEY (a, b));
  INSERT INTO k SELECT a, b, 1 FROM unnest('{a,B,ab,A b,ä,Z,😀,～}'::text[]) a, unnest('{x,X,"",é}'::text[]) b`;

test("rows are matched by the whole key, also where the servers sort texts differently", async () => {
  await run(source, keyed("C"));
  await run(target, keyed("unicode"));
  expect(await proven("k")).toMatchObject([{ rows: 32, different: 0 }]);
  await run(target, "DELETE FROM k WHERE a = 'ä' AND b = 'X'; UPDATE k SET v = 2 WHERE a = '😀' AND b = ''");
  const [proof] = await proven("k");
  expect(proof?.differences).toEqual([
    { kind: "missing", key: "a=ä, b=X" },
    { kind: "differing", key: "a=😀, b=" },
  ]);
});

test("of very many differences the first are named and all are counted", async () => {
  await both(numbers);
  await run(target, "TRUNCATE n; INSERT INTO n SELECT i, 'v' || i FROM generate_series(2001, 4500) i");
  const [proof] = await proven("n");
  expect(proof).toMatchObject({ sourceRows: 2500, targetRows: 2500, rows: 4500, different: 4000 });
  expect(proof?.differences).toHaveLength(5);
});

test("a comparison that is stopped gives no verdict", async () => {
  await both(numbers);
  const owned = [{ service: "svc", target: new Secret(target.url), tables: [{ schema: "public", table: "n" }] }];
  await expect(prove(new Secret(source.url), owned, AbortSignal.abort())).rejects.toMatchObject({ code: "DEMO_STOPPED" });
});

test("a column or a table that the target does not have is an error, and so is a table without a key", async () => {
  await both("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE keyless (id int)");
  await run(source, "ALTER TABLE t ADD more int; CREATE TABLE gone (id int PRIMARY KEY)");
  await expect(proven("t")).rejects.toThrow(/column "more" does not exist/);
  await expect(proven("gone")).rejects.toThrow(/relation "public.gone" does not exist/);
  await expect(proven("keyless")).rejects.toThrow(/public.keyless has no primary key/);
});
