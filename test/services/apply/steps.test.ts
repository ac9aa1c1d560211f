import { describe, expect, test } from "vitest";
import { type Step, steps } from "../../../services/apply/steps.ts";
import { logOf, type TableEvent, WrittenTable } from "./event-writer.ts";

const trades = new WrittenTable("trades", { id: "text*", a: "text" });
const users = new WrittenTable("users", { id: "text*", a: "text" });
const audit = new WrittenTable("audit", { what: "text" });
const otherAudit = new WrittenTable("audit", { what: "text" }, { schema: "other" });
const pairs = new WrittenTable("pairs", { a: "text*", b: "text*" });

/** `kind table: changes`; changes are counted without the delete in front of each move. */
function shown(events: readonly (TableEvent | TableEvent[])[], inOrder: readonly WrittenTable[] = []): string[] {
  const log = logOf(events);
  const awake = log.plans.map((plan) => inOrder.some((table) => table.plan === plan));
  return steps(log, awake).map(({ kind, plan, changes }: Step) => `${kind} ${plan === -1 ? "*" : log.plans[plan]!.table}: ${changes.join(" ")}`);
}

const move = (from: string, to: string): TableEvent[] => trades.move({ id: from }, { id: to, a: "x" });

describe("steps", () => {
  test("changes of one table are gathered, whatever came between", () => {
    expect(
      shown([
        trades.create({ id: "1" }),
        users.create({ id: "1" }),
        trades.update({ id: "1" }),
        users.delete({ id: "1" }),
        trades.delete({ id: "1" }),
      ]),
    ).toEqual(["merge trades: 0 2 4", "merge users: 1 3"]);
  });

  test("tables of the same name in two schemas are two tables", () => {
    expect(shown([audit.create({ what: "a" }), otherAudit.create({ what: "b" }), audit.create({ what: "c" })])).toEqual([
      "creates audit: 0 2",
      "creates audit: 1",
    ]);
  });

  test("a change of key ends its table's step, and what follows begins another one", () => {
    expect(
      shown([trades.create({ id: "1" }), users.create({ id: "1" }), move("1", "2"), trades.update({ id: "2" }), users.create({ id: "2" })]),
    ).toEqual(["merge trades: 0", "merge users: 1 4", "moves trades: 2", "merge trades: 3"]);
  });

  test("changes of key are gathered as long as no key occurs twice", () => {
    expect(shown([move("1", "2"), move("3", "4"), move("5", "6")])).toEqual(["moves trades: 0 1 2"]);
  });

  test("a chain, where a row takes the key that another has just given up, is one step each", () => {
    expect(shown([move("3", "4"), move("2", "3"), move("1", "2")])).toEqual(["moves trades: 0", "moves trades: 1", "moves trades: 2"]);
  });

  test("a row that moves on is moved in two steps", () => {
    expect(shown([move("1", "2"), move("7", "8"), move("2", "3")])).toEqual(["moves trades: 0 1", "moves trades: 2"]);
  });

  test("two rows that swap their keys by way of a third go step by step", () => {
    expect(shown([move("1", "x"), move("2", "1"), move("x", "2")])).toEqual(["moves trades: 0", "moves trades: 1", "moves trades: 2"]);
  });

  test("a key that was free before the step and is used after it counts from the step's own moves only", () => {
    expect(shown([move("1", "2"), trades.update({ id: "2" }), move("2", "1"), move("5", "6")])).toEqual([
      "moves trades: 0",
      "merge trades: 1",
      "moves trades: 2 3",
    ]);
  });

  test("the columns of two keys do not run into each other", () => {
    expect(shown([pairs.move({ a: "x", b: "yz" }, { a: "1", b: "2" }), pairs.move({ a: "xy", b: "z" }, { a: "12", b: "" })])).toEqual([
      "moves pairs: 0 1",
    ]);
  });

  test("a truncate ends the steps of all tables", () => {
    expect(
      shown([trades.create({ id: "1" }), users.create({ id: "1" }), trades.truncate(), users.create({ id: "2" }), trades.create({ id: "1" })]),
    ).toEqual(["merge trades: 0", "merge users: 1", "truncate *: 2", "merge users: 3", "merge trades: 4"]);
  });

  test("tables that were truncated together are truncated together", () => {
    expect(shown([trades.truncate(), users.truncate(), audit.truncate(), trades.create({ id: "1" }), users.truncate()])).toEqual([
      "truncate *: 0 1 2",
      "merge trades: 3",
      "truncate *: 4",
    ]);
  });

  test("a new shape of a table begins another step, and so does going back to the old one", () => {
    const widened = new WrittenTable("trades", { id: "text*", a: "text", b: "text" });
    expect(shown([trades.create({ id: "1" }), widened.create({ id: "2" }), widened.create({ id: "3" }), trades.create({ id: "4" })])).toEqual([
      "merge trades: 0",
      "merge trades: 1 2",
      "merge trades: 3",
    ]);
  });

  test("new rows of a table without a key are gathered, its other changes are in order", () => {
    expect(
      shown([
        audit.create({ what: "a" }),
        trades.create({ id: "1" }),
        audit.create({ what: "b" }),
        audit.delete({ what: "a" }),
        audit.updateFull({ what: "b" }, { what: "c" }),
        audit.create({ what: "d" }),
      ]),
    ).toEqual(["creates audit: 0 2", "merge trades: 1", "order *: 3 4", "creates audit: 5"]);
  });

  test("tables whose triggers or foreign keys are awake are in order, together with each other", () => {
    expect(
      shown(
        [trades.create({ id: "1" }), users.create({ id: "1" }), audit.create({ what: "a" }), trades.delete({ id: "1" }), move("1", "2")],
        [trades, users],
      ),
    ).toEqual(["order *: 0 1 3 4", "creates audit: 2"]);
  });

  test("a range of the log gives the steps of that range", () => {
    const log = logOf([trades.create({ id: "1" }), trades.create({ id: "2" }), trades.create({ id: "3" })]);
    expect(steps(log, [false], 1, 2).map(({ changes }) => changes)).toEqual([[1]]);
    expect(steps(log, [false], 1, 1)).toEqual([]);
  });
});
