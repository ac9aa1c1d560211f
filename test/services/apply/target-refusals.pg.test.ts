import { beforeEach, describe, expect, test } from "vitest";
import { errorOf } from "../../support/error-of.ts";
import { Applier, committed, prepared, target, trade, trades, tradesAndUsers, users } from "./applying-target.ts";
import { EventWriter, WrittenTable } from "./event-writer.ts";

beforeEach(() => prepared(tradesAndUsers));

async function filled(): Promise<Applier> {
  await target.admin.query("INSERT INTO trades VALUES (1, 'old', 1, 'mine'), (2, 'old', 1, 'mine')");
  return Applier.start({ uncopied: ["public.users"] });
}

describe("conflicts: the source wins", () => {
  test("a row that is there already is written over, and keeps the target's own columns", async () => {
    const applier = await filled();
    await applier.apply([trade(3)], [trade(1), trade(4)]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,mine)", "(2,old,1.00,mine)", "(3,n3,1.00,)", "(4,n4,1.00,)"]);
    expect(applier.conflicts).toEqual([{ kind: "create-exists", table: "public.trades", key: "(id)=(1)", offset: 1, rows: 1 }]);
  });

  test("a row that is missing is put in where the update has all of it", async () => {
    const applier = await filled();
    await applier.apply([trades.update({ id: 9, note: "whole", amount: "2" }), trades.update({ id: 1, note: "known", amount: "2" })]);
    expect(await target.texts("trades")).toEqual(["(1,known,2.00,mine)", "(2,old,1.00,mine)", "(9,whole,2.00,)"]);
    expect(applier.kinds).toEqual(["update-missing public.trades (id)=(9)"]);
  });

  test("a row that has gone stays gone", async () => {
    const applier = await filled();
    await applier.apply([trades.delete({ id: 9 }), trades.delete({ id: 1 })]);
    expect(await target.texts("trades")).toEqual(["(2,old,1.00,mine)"]);
    expect(applier.kinds).toEqual(["delete-missing public.trades (id)=(9)"]);
  });

  test("a row that moves and is missing is put in under its new key", async () => {
    const applier = await filled();
    await applier.apply([trades.move({ id: 8 }, { id: 9, note: "moved", amount: "2" })]);
    expect(await target.texts("trades")).toContain("(9,moved,2.00,)");
    expect(applier.kinds).toEqual(["update-missing public.trades (id)=(9)"]);
  });

  test("a row that stands where another one moves to gives way", async () => {
    const applier = await filled();
    await applier.apply([trades.move({ id: 1 }, { id: 2, note: null, amount: "2" }, ["note"])]);
    expect(await target.texts("trades")).toEqual(["(2,old,2.00,mine)"]);
    expect(applier.kinds).toEqual(["move-exists public.trades (id)=(2)"]);
  });

  test("a partial update of a missing row stops before its transaction, and says which", async () => {
    const applier = await filled();
    const error = await errorOf(applier.apply([trade(5)], [trades.update({ id: 9, note: null, amount: "2" }, ["note"])], [trade(6)]));
    expect([error.code, error.retry]).toEqual(["TARGET_ROW_MISSING", "operator"]);
    expect(error.message).toMatch(/^The row of the update of public\.trades \(id\)=\(9\), position 1\/300:1, offset 1 is not in public\.trades/);
    expect(await target.texts("trades")).toEqual(["(1,old,1.00,mine)", "(2,old,1.00,mine)", "(5,n5,1.00,)"]);
    expect(await committed()).toBe(applier.writer.commitLsn - 0x200n);
    // Nothing has been resolved that was rolled back.
    expect(applier.kinds).toEqual([]);
  });

  test("a partial update of a row that was never copied is passed over, a whole one puts it, and a delete of it is no conflict", async () => {
    const applier = await filled();
    await applier.apply([users.update({ id: 9, email: null }, ["email"]), users.update({ id: 8, email: "whole" }), users.delete({ id: 7 })]);
    expect(await target.texts("users")).toEqual(["(8,whole)"]);
    expect(applier.conflicts).toEqual([{ kind: "partial-missing", table: "public.users", key: "(several)", offset: 2, rows: 1 }]);
  });

  test("a row that was never copied and moves is put where it should be by now; where the event lacks some of it, it is passed over", async () => {
    const applier = await filled();
    await target.admin.query("INSERT INTO users VALUES (1, 'there')");
    await applier.apply(
      [
        users.move({ id: 6 }, { id: 5, email: "moved" }),
        users.move({ id: 1 }, { id: 2, email: "moved, too" }),
        users.move({ id: 7 }, { id: 8, email: null }, ["email"]),
      ].flat(),
    );
    expect(await target.texts("users")).toEqual(['(2,"moved, too")', "(5,moved)"]);
    expect(applier.kinds).toEqual(["partial-missing public.users (several)"]);
  });

  test("the same in source order, where each is named", async () => {
    const applier = await filled();
    // An update of a row that the batch has deleted sends it through source order.
    const odd = [users.delete({ id: 7 }), users.update({ id: 7, email: "back" })];
    const lost = users.move({ id: 6 }, { id: 5, email: "moved" });
    await applier.apply([users.update({ id: 9, email: null }, ["email"]), users.update({ id: 8, email: "whole" }), ...odd, lost]);
    expect(await target.texts("users")).toEqual(["(5,moved)", "(7,back)", "(8,whole)"]);
    expect(applier.kinds).toEqual(["partial-missing public.users (id)=(9)"]);
  });

  test("a row of nothing but its key that is there already counts, too", async () => {
    await prepared("CREATE TABLE tags (id int4 PRIMARY KEY); INSERT INTO tags VALUES (1)");
    const applier = await Applier.start();
    await applier.apply([new WrittenTable("tags", { id: "int4*" }).create({ id: 1 })]);
    expect(applier.kinds).toEqual(["create-exists public.tags (id)=(1)"]);
  });

  test.each([
    ["a deferrable primary key", "PRIMARY KEY (id) DEFERRABLE"],
    ["a key in no index", "CHECK (true)"],
    ["a key that the target generates as an identity", "PRIMARY KEY (id)"],
  ])("a target with %s", async (what, constraint) => {
    const identity = what.includes("identity") ? "GENERATED ALWAYS AS IDENTITY" : "";
    await prepared(
      `CREATE TABLE users (id int4 ${identity}, email text UNIQUE, own text, ${constraint}); INSERT INTO users OVERRIDING SYSTEM VALUE VALUES (1, 'old', 'mine')`,
    );
    const applier = await Applier.start();
    await applier.apply([users.update({ id: 1, email: "new" }), users.create({ id: 2, email: "old" })]);
    await applier.apply([users.update({ id: 7, email: "seven" }), users.create({ id: 3, email: "three" }), users.update({ id: 1, email: "newer" })]);
    expect(await target.texts("users")).toEqual(["(1,newer,mine)", "(2,old,)", "(3,three,)", "(7,seven,)"]);
    expect(applier.kinds).toEqual(["update-missing public.users (id)=(7)"]);
  });

  test("an identity beside the key follows the source", async () => {
    await prepared("CREATE TABLE users (id int4 PRIMARY KEY, number int4 GENERATED ALWAYS AS IDENTITY, email text, own text DEFAULT 'd')");
    const numbered = new WrittenTable("users", { id: "int4*", number: "int4", email: "text" });
    await target.admin.query("INSERT INTO users (id, email, own) VALUES (1, 'a', 'mine')");
    const applier = await Applier.start();
    await applier.apply([numbered.update({ id: 1, number: 1, email: "b" })]);
    await applier.apply(
      [numbered.update({ id: 1, number: 5, email: "c" })],
      [numbered.create({ id: 1, number: 6, email: "d" })],
      [numbered.create({ id: 2, number: 7, email: "e" })],
    );
    expect(await target.texts("users")).toEqual(["(1,6,d,mine)", "(2,7,e,d)"]);
    expect(applier.kinds).toEqual(["create-exists public.users (id)=(1)"]);
  });
});

describe("an event that the target does not take", () => {
  test("stops the applier in front of its transaction: what comes before is in, nothing of it is", async () => {
    const applier = await Applier.start();
    const error = await errorOf(applier.apply([trade(1)], [trade(2)], [users.create({ id: 1, email: "a" }), trade(3, "bad"), trade(4)], [trade(5)]));
    expect([error.code, error.retry]).toEqual(["EVENT_NOT_APPLICABLE", "operator"]);
    expect(error.message).toBe(
      `The target refuses the create of public.trades (id)=(3), position 1/400:2, offset 3: new row for relation "trades" violates check constraint "trades_note_check" (Failing row contains (3, bad, 1.00, null).) [23514].`,
    );
    expect(error.cure).toBe(
      'ALTER TABLE "public"."trades" DROP CONSTRAINT "trades_note_check"; or one that the monolith\'s rows keep, too. The applier goes on by itself.',
    );
    expect([await target.texts("trades"), await target.texts("users")]).toEqual([["(1,n1,1.00,)", "(2,n2,1.00,)"], []]);
    expect(await committed()).toBe(0x1_0000_0300n);
  });

  test("goes on when its cause has been removed", async () => {
    const applier = await Applier.start();
    await errorOf(applier.apply([trade(1)], [trade(2, "bad")]));
    await target.admin.query("ALTER TABLE trades DROP CONSTRAINT trades_note_check");
    const writer = new EventWriter();
    writer.commitLsn = 0x1_0000_0200n;
    writer.previous = writer.commitLsn;
    const next = await Applier.start({ writer });
    await next.apply([trade(2, "bad")], [trade(3)]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,bad,1.00,)", "(3,n3,1.00,)"]);
  });

  test.each([
    ["22003", "a value beyond its column", [trades.update({ id: 1, note: "n", amount: "12345.6" })], "the update of public.trades (id)=(1)"],
    [
      "23514",
      "the new half of a change of key",
      trades.move({ id: 1 }, { id: 2, note: "bad", amount: null }),
      "the change of key of public.trades (id)=(2)",
    ],
    ["0A000", "a truncate of a table that another one refers to", [users.truncate()], "the truncate of public.users"],
    ["23505", "a value that another row has", [users.create({ id: 7, email: "taken" })], "the create of public.users (id)=(7)"],
  ])("%s: %s", async (state, _, events, what) => {
    await prepared(
      `${tradesAndUsers}; CREATE TABLE own (id int4 REFERENCES users); INSERT INTO trades VALUES (1, 'x', 1); INSERT INTO users VALUES (5, 'taken')`,
    );
    const applier = await Applier.start();
    const error = await errorOf(applier.apply([trade(3)], [trade(4), ...events]));
    expect(error.code).toBe("EVENT_NOT_APPLICABLE");
    expect(error.message).toContain(`The target refuses ${what}, position 1/300:`);
    expect(error.message).toContain(`[${state}]`);
    expect(await target.texts("trades")).toEqual(["(1,x,1.00,)", "(3,n3,1.00,)"]);
  });

  test("in a composite key with odd values is named readably and not at length", async () => {
    const pairs = new WrittenTable("pairs", { a: "text*", b: "int8*", c: "bool*", d: "float8*", e: "bytea*", v: "text" });
    await prepared("CREATE TABLE pairs (a text, b int8, c bool, d float8, e bytea, v text NOT NULL, PRIMARY KEY (a, b, c, d, e))");
    const applier = await Applier.start();
    const error = await errorOf(
      applier.apply([pairs.create({ a: "x".repeat(5000), b: -(2n ** 63n), c: true, d: -0, e: Buffer.from([1, 255]), v: null })]),
    );
    expect(error.message).toContain(`(a, b, c, d, e)=(${"x".repeat(100)}, -9223372036854775808, t, -0, \\x01ff)`);
    expect(error.message.length).toBeLessThan(800);
  });
});
