import { describe, expect, test } from "vitest";
import { Change, type ChangeLog } from "../../../services/apply/change-log.ts";
import { logOf, type TableEvent, WrittenTable } from "./event-writer.ts";

const trades = new WrittenTable("trades", { id: "int4*", note: "text", amount: "numeric" });
const events = new WrittenTable("events", { at: "text", what: "text" });

type Texts = (string | null)[];

/** op, table, row, row before, sequence, offset */
type Shown = [string, string, Texts, Texts, number | undefined, number | undefined];

/** The texts of a change's row, and of the row before where it has one; NULL is null, an unchanged column "~". */
function shown(log: ChangeLog, change: number): Shown {
  const plan = log.plans[log.plan[change]!]!;
  const bytes = log.buffers[log.buffer[change]!]!;
  const texts = (at: number, count: number): Texts =>
    Array.from({ length: count }, (_, i) => (log.start[at + i] === -1 ? null : bytes.toString("latin1", log.start[at + i], log.end[at + i])));
  const row = log.row[change] === -1 ? [] : texts(log.row[change]!, plan.columns.length);
  const marks = log.unchanged[change]!;
  const marked = row.map((text, i) => (marks !== -1 && log.marks[marks + i] === 1 ? "~" : text));
  const oldWidth = log.op[change] === Change.move ? plan.keys.length : plan.columns.length;
  const old = log.old[change] === -1 ? [] : texts(log.old[change]!, oldWidth);
  return [String.fromCharCode(log.op[change]!), plan.table, marked, old, log.sequence[change], log.offset[change]];
}

function shownAll(log: ChangeLog): Shown[] {
  return Array.from({ length: log.length }, (_, change) => shown(log, change));
}

/** An int4 below 64 as Avro writes it. */
function id(value: number): string {
  return String.fromCharCode(value * 2);
}

function withoutPlace(all: Shown[]): unknown[] {
  return all.map((each) => each.slice(0, 4));
}

/** A bit of everything, `count` times. */
function mixed(count: number): (TableEvent | TableEvent[])[] {
  return Array.from({ length: count }, (_, i) => [
    trades.create({ id: i, note: `n${i}`, amount: null }),
    trades.update({ id: i, amount: `${i}.50` }, ["note"]),
    trades.move({ id: i }, { id: -i - 1, note: null, amount: "1" }),
    events.updateFull({ at: "a", what: `${i}` }, { at: "b", what: null }),
    trades.delete({ id: -i - 1 }),
    ...(i % 3 === 0 ? [events.truncate()] : []),
  ]).flat();
}

describe("ChangeLog", () => {
  test("keeps op, table, values, the row before, marks, sequence and offset", () => {
    const log = logOf([
      trades.create({ id: 1, note: "", amount: null }),
      trades.update({ id: 1, note: null, amount: "2.0" }, ["note"]),
      trades.move({ id: 1 }, { id: 2, note: "x", amount: null }, ["amount"]),
      events.updateFull({ at: "a", what: null }, { at: "a", what: "b" }),
      trades.delete({ id: 2 }),
      trades.truncate(),
    ]);
    expect(shownAll(log)).toEqual([
      ["c", "trades", [id(1), "", null], [], 1, 0],
      ["u", "trades", [id(1), "~", "2.0"], [], 2, 1],
      ["k", "trades", [id(2), "x", "~"], [id(1)], 4, 3],
      ["u", "events", ["a", "b"], ["a", null], 5, 4],
      ["d", "trades", [id(2), null, null], [], 6, 5],
      ["t", "trades", [], [], 7, 6],
    ]);
  });

  test("the row before is kept only where the table has no key to find the row by", () => {
    const log = logOf([trades.updateFull({ id: 1, note: "a" }, { id: 1, note: "b" })]);
    expect(log.old[0]).toBe(-1);
  });

  test("grows: three thousand of everything are as they were", () => {
    const many = logOf(mixed(3000));
    const few = logOf(mixed(3));
    expect(many.length).toBe(3000 * 5 + 1000);
    expect(withoutPlace(shownAll(many)).slice(0, few.length)).toEqual(withoutPlace(shownAll(few)));
    expect(shown(many, many.length - 1).slice(0, 4)).toEqual(["d", "trades", [expect.any(String), null, null], []]);
  });

  test("split moves the end into a log of its own, whole, and both go on from there", () => {
    const whole = shownAll(logOf(mixed(900)));
    for (const from of [0, 1, 7, 1024, 2500, whole.length]) {
      const log = logOf(mixed(900));
      const bytes = log.bytes;
      const rest = log.split(from, 100);
      expect(shownAll(log)).toEqual(whole.slice(0, from));
      expect(shownAll(rest)).toEqual(whole.slice(from));
      expect([log.bytes, rest.bytes]).toEqual([bytes - 100, 100]);
      logOf([trades.create({ id: 5, note: "later", amount: "0" })], rest);
      logOf([trades.create({ id: 6, note: "again", amount: "0" })], log);
      expect(shown(rest, rest.length - 1).slice(0, 3)).toEqual(["c", "trades", [id(5), "later", "0"]]);
      expect(shown(log, log.length - 1).slice(0, 3)).toEqual(["c", "trades", [id(6), "again", "0"]]);
      expect(shownAll(rest).slice(0, -1)).toEqual(whole.slice(from));
    }
  });

  test("dropLast takes back the newest change and nothing else", () => {
    const log = logOf([trades.create({ id: 1, note: "a", amount: null }), trades.delete({ id: 1 })]);
    log.dropLast();
    expect(shownAll(log)).toHaveLength(1);
    logOf([trades.create({ id: 2, note: "b", amount: null })], log);
    expect(shownAll(log).map((each) => each.slice(0, 3))).toEqual([
      ["c", "trades", [id(1), "a", null]],
      ["c", "trades", [id(2), "b", null]],
    ]);
  });
});
