/** Tables of a target that are not simply what the monolith's are: every row that they end with is the monolith's all the same. */
import { describe, expect, test } from "vitest";
import { TargetTables } from "../../../services/apply/target-tables.ts";
import { errorOf } from "../../support/error-of.ts";
import { Applier, committed, prepared, target, trade, trades, tradesAndUsers, users } from "./applying-target.ts";
import { WrittenTable } from "./event-writer.ts";

const lines = new WrittenTable("lines", { a: "int4", b: "text" });
const tags = new WrittenTable("tags", { id: "int4*" });

describe("tables that others inherit from", () => {
  const inherited = `${tradesAndUsers}; CREATE TABLE lines (a int4, b text);
    CREATE TABLE old_trades () INHERITS (trades); CREATE TABLE old_lines () INHERITS (lines);
    INSERT INTO trades VALUES (1, 'a', 1), (2, 'a', 1), (3, 'a', 1); INSERT INTO lines VALUES (1, 'x'), (2, 'x');
    INSERT INTO old_trades SELECT * FROM trades; INSERT INTO old_lines SELECT * FROM lines`;

  test.each([
    ["merged", []],
    ["in source order", [trade(9), users.update({ id: 9, email: "missing" })]],
  ])("keep their children's rows, %s", async (_, more) => {
    await prepared(inherited);
    const applier = await Applier.start();
    await applier.apply([
      trades.update({ id: 1, note: "b", amount: "2" }),
      trades.delete({ id: 2 }),
      trades.move({ id: 3 }, { id: 4, note: "c", amount: "3" }),
      ...more,
    ]);
    expect(await target.texts("ONLY trades")).toEqual(["(1,b,2.00,)", "(4,c,3.00,)", ...(more.length === 0 ? [] : ["(9,n9,1.00,)"])]);
    expect(await target.texts("old_trades")).toEqual(["(1,a,1.00,)", "(2,a,1.00,)", "(3,a,1.00,)"]);
  });

  test("without a key, and truncated", async () => {
    await prepared(inherited);
    const applier = await Applier.start();
    await applier.apply([lines.updateFull({ a: 1, b: "x" }, { a: 1, b: "y" }), lines.delete({ a: 2, b: "x" })]);
    expect([await target.texts("ONLY lines"), await target.texts("old_lines")]).toEqual([["(1,y)"], ["(1,x)", "(2,x)"]]);
    await applier.apply([lines.truncate(), trades.truncate()]);
    expect([await target.texts("ONLY lines"), await target.texts("old_lines")]).toEqual([[], ["(1,x)", "(2,x)"]]);
    expect(await target.texts("old_trades")).toHaveLength(3);
  });
});

describe("partitioned tables", () => {
  test("take changes of every kind, and a row that is there already is written over", async () => {
    await prepared(
      `CREATE TABLE trades (id int4 PRIMARY KEY, note text, amount numeric(6,2), own text) PARTITION BY RANGE (id);
       CREATE TABLE low PARTITION OF trades FOR VALUES FROM (0) TO (10); CREATE TABLE high PARTITION OF trades FOR VALUES FROM (10) TO (20);
       INSERT INTO trades VALUES (1, 'old', 1, 'mine'), (2, 'old', 1, 'mine'), (11, 'old', 1, 'mine')`,
    );
    const applier = await Applier.start();
    await applier.apply([trades.update({ id: 2, note: "b", amount: "2" }), trades.move({ id: 11 }, { id: 3, note: "c", amount: "3" })]);
    await applier.apply([trade(1), trade(12)]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,mine)", "(12,n12,1.00,)", "(2,b,2.00,mine)", "(3,c,3.00,mine)"]);
    expect(applier.kinds).toEqual(["create-exists public.trades (id)=(1)"]);
    await applier.apply([trades.truncate(), trade(5)]);
    expect(await target.texts("trades")).toEqual(["(5,n5,1.00,)"]);
  });
});

describe("keys", () => {
  test.each([
    ["with an index that is checked at once", "PRIMARY KEY (id)"],
    ["with one that is deferrable", "PRIMARY KEY (id) DEFERRABLE"],
    ["in no index", "CHECK (true)"],
  ])("%s: a row that is there already is written over, its key too", async (_, constraint) => {
    const exact = new WrittenTable("exact", { id: "numeric*", note: "text" });
    await prepared(`CREATE TABLE exact (id numeric, note text, own text, ${constraint}); INSERT INTO exact VALUES (1.0, 'old', 'mine')`);
    const applier = await Applier.start();
    await applier.apply([exact.create({ id: "1.00", note: "new" }), exact.create({ id: "2", note: "two" })]);
    expect(await target.texts("exact")).toEqual(["(1.00,new,mine)", "(2,two,)"]);
    expect(applier.kinds).toEqual(["create-exists public.exact (id)=(1.00)"]);
  });

  test("in no index, of which two rows have one: which of them is meant is not guessed", async () => {
    await prepared("CREATE TABLE users (id int4, email text); INSERT INTO users VALUES (1, 'a'), (1, 'b')");
    const applier = await Applier.start();
    // Two rows named and two touched: the count alone would not show it.
    const error = await errorOf(applier.apply([users.update({ id: 1, email: "c" }), users.update({ id: 2, email: "d" })]));
    expect([error.code, error.message]).toEqual([
      "TARGET_KEY_AMBIGUOUS",
      expect.stringContaining("several rows for the update of public.users (id)=(1)"),
    ]);
    expect(error.cure).toContain('CREATE UNIQUE INDEX ON "public"."users" ("id")');
    expect([await target.texts("users"), await committed()]).toEqual([["(1,a)", "(1,b)"], undefined]);
  });

  test("that are GENERATED ALWAYS, with nothing beside them: an update only finds out whether its row is there", async () => {
    await prepared("CREATE TABLE tags (id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY); INSERT INTO tags OVERRIDING SYSTEM VALUE VALUES (1)");
    const applier = await Applier.start();
    await applier.apply([tags.update({ id: 1 })]);
    expect(applier.kinds).toEqual([]);
    await applier.apply([tags.update({ id: 2 })]);
    expect([await target.texts("tags"), applier.kinds]).toEqual([["(1)", "(2)"], ["update-missing public.tags (id)=(2)"]]);
  });

  test("of rows that came and went within a batch are not at the target either", async () => {
    await prepared(`${tradesAndUsers}; INSERT INTO trades VALUES (5, 'old', 1)`);
    const applier = await Applier.start();
    await applier.apply([trade(5), trade(6)], [trades.delete({ id: 5 }), trades.delete({ id: 6 }), trade(7)]);
    expect([await target.texts("trades"), applier.kinds]).toEqual([["(7,n7,1.00,)"], ["create-exists public.trades (id)=(5)"]]);
  });
});

describe("a deferrable key of a table that has none in its events", () => {
  const keyless = new WrittenTable("late", { id: "int4", v: "text" });
  const sql = "CREATE TABLE late (id int4 PRIMARY KEY DEFERRABLE, v text)";

  test.each([
    ["asleep", async () => prepared(sql).then(async () => Applier.start())],
    ["awake", async () => Applier.plain(sql)],
  ])("takes rows that swap their keys, with triggers %s", async (_, start) => {
    const applier = await start();
    await applier.apply([keyless.create({ id: 1, v: "a" }), keyless.create({ id: 2, v: "b" })]);
    await applier.apply([keyless.updateFull({ id: 1, v: "a" }, { id: 2, v: "a" }), keyless.updateFull({ id: 2, v: "b" }, { id: 1, v: "b" })]);
    expect([await target.texts("late"), applier.kinds]).toEqual([["(1,b)", "(2,a)"], []]);
  });
});

test("triggers that fire always see each change once, in source order, though the others are asleep", async () => {
  await prepared(
    `${tradesAndUsers}; CREATE TABLE seen (n serial, what text);
     CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen (what) VALUES (TG_OP || ' ' || coalesce(NEW.id, OLD.id)); RETURN NULL; END $$;
     CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON trades FOR EACH ROW EXECUTE FUNCTION see(); ALTER TABLE trades ENABLE ALWAYS TRIGGER see`,
  );
  const applier = await Applier.start();
  await applier.apply([trade(1), trades.update({ id: 1, note: "b", amount: "1" }), trade(2), trades.delete({ id: 1 })]);
  expect(await target.texts("seen")).toEqual(['(1,"INSERT 1")', '(2,"UPDATE 1")', '(3,"INSERT 2")', '(4,"DELETE 1")']);
});

test("a table that is not there stops the transaction that needs it, and none before it", async () => {
  await prepared(tradesAndUsers);
  const applier = await Applier.start();
  const error = await errorOf(applier.apply([trade(1)], [trade(2)], [trade(3), tags.create({ id: 1 })], [trade(4)]));
  expect([error.code, await target.texts("trades")]).toEqual(["TARGET_TABLE_MISSING", ["(1,n1,1.00,)", "(2,n2,1.00,)"]]);
  expect(await committed()).toBe(0x1_0000_0300n);
});

test("two tables of the source that go to one of the target are refused", async () => {
  await target.reset("CREATE SCHEMA app; CREATE TABLE app.trades (id int4 PRIMARY KEY)");
  const both = ["public", "app"].map((schema) => new WrittenTable("trades", { id: "int4*" }, { schema }).plan);
  const error = await errorOf(
    new TargetTables(target.session, { tables: [], target: { schema: "app" } }, { history: { of: async () => undefined }, added: () => {} }).read(
      both,
    ),
  );
  expect([error.code, error.message]).toEqual([
    "TARGET_TABLE_UNSUITABLE",
    "Both public.trades and app.trades of the source go to app.trades of the target.",
  ]);
});
