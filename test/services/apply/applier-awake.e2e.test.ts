import fc from "fast-check";
import type { Client } from "pg";
import { expect, test } from "vitest";
import { createPipeline } from "../../support/pipeline.ts";
import { plainApplier } from "./plain-applier.ts";
import { caughtUp, stateOf } from "./same-texts.ts";

const monolithSql = `
  CREATE TABLE owners (id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, total int4 NOT NULL DEFAULT 0);
  CREATE TABLE things (id int4 PRIMARY KEY, owner int4 REFERENCES owners ON DELETE CASCADE ON UPDATE CASCADE, body text, position int4);
  ALTER TABLE things ALTER body SET STORAGE EXTERNAL;
  ALTER TABLE things ADD UNIQUE (owner, position) DEFERRABLE;
  CREATE TABLE parts (id int4 PRIMARY KEY, thing int4 REFERENCES things ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED, next int4 REFERENCES parts DEFERRABLE);
  CREATE TABLE free (id int4 PRIMARY KEY, note text);
`;

const tables = { owners: "id", things: "id", parts: "id", free: "id" };

const id = fc.integer({ min: 1, max: 9 }).map(String);
const number = fc.integer({ min: 1, max: 3 }).map(String);

function write(sql: string, ...values: fc.Arbitrary<string | null>[]): fc.Arbitrary<{ sql: string; values: (string | null)[] }> {
  return fc.tuple(...values).map((given) => ({ sql, values: given }));
}

const writes = fc.oneof(
  write("INSERT INTO owners (name) VALUES ($1)", fc.constantFrom("a", "b")),
  write("UPDATE owners SET name = $2 WHERE id % 3 = $1::int % 3", id, fc.constantFrom("c", null)),
  write("DELETE FROM owners WHERE id = (SELECT min(id) FROM owners WHERE id > $1)", id),
  write("INSERT INTO things SELECT $1, max(id), repeat('x', 5000), $2 FROM owners", id, number),
  write("UPDATE things SET position = $2 WHERE id = $1", id, number),
  write("UPDATE things SET owner = (SELECT min(id) FROM owners) WHERE id = $1", id),
  write("UPDATE things SET id = id + 20 WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM parts WHERE thing = $1::int)", id),
  write("DELETE FROM things WHERE id = $1", id),
  // Before its parent, which comes at the end of the transaction or not at all.
  write("INSERT INTO parts VALUES ($1, (SELECT max(id) FROM things), NULL)", id),
  write("SET CONSTRAINTS ALL DEFERRED"),
  write("UPDATE parts SET next = $2 WHERE id = $1", id, id),
  write("DELETE FROM parts WHERE id = $1", id),
  write("TRUNCATE owners, things, parts"),
  write("INSERT INTO free VALUES ($1, 'n') ON CONFLICT (id) DO UPDATE SET note = free.note || '+'", id),
);

/** A transaction of these writes; those that the monolith refuses are left out, and all of them if it refuses at the commit. */
async function run(monolith: Client, transaction: readonly { sql: string; values: (string | null)[] }[]): Promise<void> {
  await monolith.query("BEGIN");
  for (const { sql, values } of transaction) {
    await monolith.query("SAVEPOINT statement");
    await monolith.query(sql, values).catch(async () => monolith.query("ROLLBACK TO SAVEPOINT statement"));
  }
  await monolith.query("COMMIT").catch(() => undefined);
}

test("with triggers and foreign keys of the target awake the result is the monolith's, whatever cascades", async () => {
  await using pipeline = await createPipeline(monolithSql);
  const { source, target } = pipeline;
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await using applier = await plainApplier(pipeline);
  await Promise.all([connector.working, applier.working]);
  expect(applier.log.find(({ msg }) => msg === "applying")).toMatchObject({ replica: false });
  const load = fc.sample(fc.array(writes, { minLength: 1, maxLength: 6 }), { seed: 4, numRuns: 400 });
  for (let from = 0; from < load.length; from += 100) {
    for (const transaction of load.slice(from, from + 100)) await run(source, transaction);
    await caughtUp(pipeline, [connector, applier]);
    expect(await stateOf(target, tables)).toEqual(await stateOf(source, tables));
  }
});
