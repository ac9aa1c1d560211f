/** Tables of a target that are altered while an applier has read them: it finds out before it commits. */
import { beforeEach, describe, expect, test } from "vitest";
import { runGroup } from "../../../services/apply/statement-group.ts";
import { marksStatement } from "../../../services/apply/target-marks.ts";
import { waitFor } from "../../support/wait-for.ts";
import { errorOf } from "../../support/error-of.ts";
import { Applier, prepared, target, trade, trades, tradesAndUsers, users } from "./applying-target.ts";
import { type TableEvent, WrittenTable } from "./event-writer.ts";

const parents = new WrittenTable("parents", { id: "int4*", name: "text" });
const children = new WrittenTable("children", { id: "int4*", parent: "int4" });
const family = "CREATE TABLE parents (id int4 PRIMARY KEY, name text); CREATE TABLE children (id int4 PRIMARY KEY, parent int4)";
const cascade = "ALTER TABLE children ADD FOREIGN KEY (parent) REFERENCES parents ON DELETE CASCADE";

/** Merged, the parent goes and comes again after its new child has come: a cascade takes the child with it. */
const rebirth: TableEvent[] = [
  children.update({ id: 1, parent: null }),
  parents.delete({ id: 1 }),
  parents.create({ id: 1, name: "b" }),
  children.create({ id: 2, parent: 1 }),
];

async function parent(): Promise<Applier> {
  const applier = await Applier.plain(family);
  await applier.apply([parents.create({ id: 1, name: "a" }), children.create({ id: 1, parent: 1 })]);
  return applier;
}

describe("a cascade that is added while the applier runs", () => {
  test("is seen by the next batch", async () => {
    const applier = await parent();
    await target.admin.query(cascade);
    await applier.apply(rebirth);
    expect([await target.texts("children"), applier.kinds]).toEqual([["(1,)", "(2,1)"], []]);
  });

  test("is seen by batches that wait for it to be committed", async () => {
    const applier = await parent();
    await target.admin.query(`BEGIN; ${cascade}`);
    // The second one has left by then, too.
    const applying = Promise.all([applier.apply([children.create({ id: 3, parent: null })]), applier.apply(rebirth)]);
    await waitFor(
      async () => {
        const { rowCount } = await target.admin.query(
          "SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        );
        return rowCount === 1;
      },
      { what: "the applier to wait for the lock" },
    );
    await target.admin.query("COMMIT");
    await applying;
    expect(await target.texts("children")).toEqual(["(1,)", "(2,1)", "(3,)"]);
  });
});

test("an enum that was made anew under its old name is written merged again", async () => {
  const moods = new WrittenTable("moods", { id: "int4*", mood: "public.mood" });
  await prepared("CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE moods (id int4 PRIMARY KEY, mood mood)");
  const applier = await Applier.start();
  const two = async (id: number): Promise<void> => applier.apply([moods.create({ id, mood: "sad" })], [moods.create({ id: id + 1, mood: "sad" })]);
  await two(1);
  await target.admin.query(`ALTER TYPE mood RENAME TO mood_before; CREATE TYPE mood AS ENUM ('sad');
    ALTER TABLE moods ALTER mood TYPE mood USING mood::text::mood; DROP TYPE mood_before`);
  await two(3);
  await two(5);
  // In source order each would be a transaction of its own at the target.
  const { rows } = await target.admin.query<{ n: number }>("SELECT count(DISTINCT xmin::text)::int AS n FROM moods WHERE id > 4");
  expect([rows[0]!.n, await target.texts("(SELECT id FROM moods)")]).toEqual([1, ["(1)", "(2)", "(3)", "(4)", "(5)", "(6)"]]);
});

describe("a table that is altered between two batches", () => {
  beforeEach(() => prepared(tradesAndUsers));

  test.each([
    ["has a column of another type", "ALTER TABLE users ALTER email TYPE int8 USING 1", "(2,7)"],
    ["was made again", "DROP TABLE users; CREATE TABLE users (email varchar(5), id int8 PRIMARY KEY)", "(7,2)"],
    ["has a column more", "ALTER TABLE users ADD more int4 DEFAULT 3", "(2,7,3)"],
    ["has an identity", "ALTER TABLE users ALTER id ADD GENERATED ALWAYS AS IDENTITY", "(2,7)"],
    [
      "is partitioned now",
      "DROP TABLE users; CREATE TABLE users (id int4 PRIMARY KEY, email text) PARTITION BY LIST (id); CREATE TABLE u PARTITION OF users DEFAULT",
      "(2,7)",
    ],
    ["generates a column now", "ALTER TABLE users DROP email; ALTER TABLE users ADD email text GENERATED ALWAYS AS ('g') STORED", "(2,g)"],
  ])("%s", async (_, sql, row) => {
    const applier = await Applier.start();
    await applier.apply([trade(1), users.create({ id: 1, email: "1" })]);
    await target.admin.query(sql);
    await applier.apply([trade(2), users.create({ id: 2, email: "7" })]);
    expect(await target.texts("users")).toContain(row);
    expect([await target.texts("trades"), applier.kinds]).toEqual([["(1,n1,1.00,)", "(2,n2,1.00,)"], []]);
  });

  test("has a partition with a trigger that acts: its rows come in source order", async () => {
    await prepared(
      `CREATE TABLE users (id int4 PRIMARY KEY, email text) PARTITION BY LIST (id); CREATE TABLE u PARTITION OF users DEFAULT; CREATE TABLE seen (id int4);
       CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (NEW.id); RETURN NULL; END $$`,
    );
    const applier = await Applier.start();
    await applier.apply([users.create({ id: 1, email: "1" })]);
    await target.admin.query("CREATE TRIGGER see AFTER INSERT ON u FOR EACH ROW EXECUTE FUNCTION see(); ALTER TABLE u ENABLE ALWAYS TRIGGER see");
    await applier.apply([users.create({ id: 2, email: "2" }), users.delete({ id: 2 })]);
    expect(await target.texts("seen")).toEqual(["(2)"]);
  });

  test("has lost its index: what is there already is written over and not doubled", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1)]);
    await target.admin.query("ALTER TABLE trades DROP CONSTRAINT trades_pkey; INSERT INTO trades VALUES (2, 'old', 1)");
    await applier.apply([trade(2)]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,n2,1.00,)"]);
  });

  test("what does not concern the statements is not taken for a change: rows, statistics, a truncate", async () => {
    const table = await target.table(trades);
    await target.admin.query("INSERT INTO trades VALUES (1, 'x', 1); ANALYZE trades; TRUNCATE trades");
    await target.admin.query("VACUUM (FREEZE) trades");
    await target.admin.query("VACUUM FREEZE pg_attribute");
    expect(await runGroup(target.session.client, [marksStatement([table, table])])).toEqual({ counts: [1], error: undefined });
  });
});

test("a BEGIN that fails takes everything behind it along", async () => {
  await prepared(tradesAndUsers);
  const applier = await Applier.start();
  // The server refuses to parse the applier's own.
  await applier.client.query('PREPARE "offtake begin" AS SELECT 1');
  const error = await errorOf(applier.apply([trade(1)]));
  expect([error.message, await target.texts("trades")]).toEqual([expect.stringContaining("already exists"), []]);
  expect((await target.admin.query("SELECT FROM offtake.applied_position")).rowCount).toBe(0);
});
