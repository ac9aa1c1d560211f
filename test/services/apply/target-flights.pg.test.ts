import { beforeEach, describe, expect, test } from "vitest";
import { readPosition } from "../../../services/apply/position.ts";
import { errorOf } from "../../support/error-of.ts";
import { waitFor } from "../../support/wait-for.ts";
import { Applier, committed, prepared, target, trade, trades, tradesAndUsers, users } from "./applying-target.ts";
import { WrittenTable } from "./event-writer.ts";

beforeEach(() => prepared(tradesAndUsers));

/** One that knows both tables, so that what it applies next leaves at once. */
async function started(): Promise<Applier> {
  const applier = await Applier.start();
  await applier.apply([trade(1), users.create({ id: 1, email: "a" })]);
  return applier;
}

async function statementsOf(applier: Applier): Promise<number> {
  const { rows } = await applier.client.query<{ n: number }>("SELECT count(*)::int AS n FROM pg_prepared_statements WHERE name LIKE 'offtake%'");
  return rows[0]!.n;
}

describe("a batch that leaves behind another", () => {
  test("is committed after it, without a question in between", async () => {
    const applier = await started();
    await target.admin.query("BEGIN; LOCK TABLE trades");
    const flights = [applier.apply([trade(2)]), applier.apply([trades.update({ id: 2, note: "second", amount: "2" })])];
    await waitFor(
      async () => {
        const { rowCount } = await target.admin.query("SELECT FROM pg_locks WHERE NOT granted AND relation = 'trades'::regclass");
        return rowCount === 1;
      },
      { what: "the applier to wait for the lock" },
    );
    await target.admin.query("COMMIT");
    await Promise.all(flights);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,second,2.00,)"]);
    expect(await committed()).toBe(applier.writer.commitLsn);
  });

  test("uses what the one before it has only sent to be parsed", async () => {
    const applier = await started();
    await applier.apply([trade(2)]);
    const before = await statementsOf(applier);
    await Promise.all([1, 2, 3, 4].map(async (n) => applier.apply([trades.update({ id: 1, note: `${n}`, amount: "1" })])));
    expect([await target.texts("trades"), (await statementsOf(applier)) - before]).toEqual([["(1,4,1.00,)", "(2,n2,1.00,)"], 1]);
  });

  test("does not come in where that one is refused", async () => {
    const applier = await started();
    const flights = [applier.apply([trade(2, "bad")]), applier.apply([trade(3)])].map(errorOf);
    expect((await Promise.all(flights)).map(({ code }) => code)).toEqual(["EVENT_NOT_APPLICABLE", "EVENT_NOT_APPLICABLE"]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)"]);
    expect(await committed()).toBe(applier.writer.commitLsn - 0x200n);
  });

  test("does not come in behind one that has failed already, of which nobody may have heard yet", async () => {
    const applier = await started();
    expect((await errorOf(applier.apply([trade(2, "bad")]))).code).toBe("EVENT_NOT_APPLICABLE");
    expect((await errorOf(applier.apply([trade(3)]))).code).toBe("EVENT_NOT_APPLICABLE");
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)"]);
  });

  test("is sent again where that one had to be applied in source order", async () => {
    await target.admin.query("INSERT INTO trades VALUES (2, 'old', 1, 'mine')");
    const applier = await started();
    await Promise.all([
      applier.apply([trade(2)]),
      applier.apply([trades.update({ id: 2, note: "second", amount: "2" }), trade(3)]),
      applier.apply([trades.update({ id: 3, note: "third", amount: "3" })]),
    ]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,second,2.00,mine)", "(3,third,3.00,)"]);
    expect(applier.kinds).toEqual(["create-exists public.trades (id)=(2)"]);
  });

  test("may fail by itself, with one behind it", async () => {
    const applier = await started();
    await Promise.all([
      applier.apply([trade(2)]),
      applier.apply([trades.delete({ id: 9 }), trade(3)]),
      applier.apply([trades.update({ id: 3, note: "third", amount: "3" })]),
    ]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,n2,1.00,)", "(3,third,3.00,)"]);
    expect(applier.kinds).toEqual(["delete-missing public.trades (id)=(9)"]);
  });

  test("does not come in where that one's COMMIT fails: the position is not the one that it expects", async () => {
    const sql = "CREATE TABLE trades (id int4 PRIMARY KEY, note text UNIQUE DEFERRABLE INITIALLY DEFERRED, amount numeric)";
    const applier = await Applier.plain(sql);
    await applier.apply([trade(1)]);
    const errors = await Promise.all([applier.apply([trade(2, "n1")]), applier.apply([trade(3)])].map(errorOf));
    expect(errors.map(({ code }) => code)).toEqual(["EVENT_NOT_APPLICABLE", "EVENT_NOT_APPLICABLE"]);
    expect(errors[0]!.message).toContain("the commit of the transaction");
    expect(await target.texts("trades")).toEqual(["(1,n1,1)"]);
  });

  test("does not come in where somebody else has moved the position", async () => {
    const applier = await started();
    await target.admin.query("UPDATE offtake.applied_position SET sequence = sequence + 1");
    const errors = await Promise.all([applier.apply([trade(2)]), applier.apply([trade(3)])].map(errorOf));
    expect(errors.map(({ code }) => code)).toEqual(["APPLIED_POSITION_MOVED", "APPLIED_POSITION_MOVED"]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)"]);
  });

  test("waits where its table has not been read yet", async () => {
    const applier = await Applier.start();
    await Promise.all([applier.apply([trade(1)]), applier.apply([users.create({ id: 1, email: "a" })]), applier.apply([trade(2)])]);
    expect([await target.texts("trades"), await target.texts("users")]).toEqual([["(1,n1,1.00,)", "(2,n2,1.00,)"], ["(1,a)"]]);
    expect(await readPosition(target.admin, "trading")).toMatchObject({ commitLsn: applier.writer.commitLsn });
  });
});

describe("a statement that touches other rows than it must takes its batch into source order", () => {
  test.each([
    ["an update", () => [trades.update({ id: 9, note: "whole", amount: "2" })], "update-missing"],
    ["a delete", () => [trades.delete({ id: 9 })], "delete-missing"],
    ["a move", () => [trades.move({ id: 9 }, { id: 10, note: "whole", amount: "2" })], "update-missing"],
    ["what came and went", () => [trade(2), trades.delete({ id: 2 })], "create-exists"],
  ])("%s", async (_, events, kind) => {
    await target.admin.query("INSERT INTO trades VALUES (2, 'there', 1, NULL)");
    const applier = await started();
    await applier.apply(events());
    expect(applier.conflicts.map((conflict) => conflict.kind)).toEqual([kind]);
  });

  test("a move of a row with an identity of the target's own", async () => {
    await prepared("CREATE TABLE users (id int4 PRIMARY KEY, number int4 GENERATED ALWAYS AS IDENTITY, email text)");
    const numbered = new WrittenTable("users", { id: "int4*", number: "int4", email: "text" });
    const applier = await Applier.start();
    await applier.apply([numbered.create({ id: 1, number: 1, email: "a" }), numbered.create({ id: 2, number: 2, email: "b" })]);
    await applier.apply([numbered.move({ id: 1 }, { id: 3, number: 1, email: "c" }), numbered.move({ id: 2 }, { id: 4, number: 2, email: "d" })]);
    await applier.apply([numbered.move({ id: 9 }, { id: 5, number: 5, email: "e" }), numbered.move({ id: 3 }, { id: 1, number: 1, email: "f" })]);
    expect(await target.texts("users")).toEqual(["(1,1,f)", "(4,2,d)", "(5,5,e)"]);
    expect(applier.kinds).toEqual(["update-missing public.users (id)=(5)"]);
  });
});
