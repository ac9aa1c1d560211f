import { describe, expect, test } from "vitest";
import { Visibility } from "../../../connectors/postgres/snapshot-visibility.ts";

describe("a snapshot", () => {
  test.each([
    { xid: 9, sees: true, why: "ended before all that were running" },
    { xid: 10, sees: false, why: "was running" },
    { xid: 11, sees: true, why: "ended beside those that were running" },
    { xid: 14, sees: false, why: "was running, too" },
    { xid: 19, sees: true, why: "was the newest that had ended" },
    { xid: 20, sees: false, why: "had not begun" },
    { xid: 21, sees: false, why: "had not begun either" },
  ])("10:20:10,14 sees $xid: $sees, which $why", ({ xid, sees }) => {
    expect(new Visibility("10:20:10,14").sees(xid)).toBe(sees);
  });

  test("without anybody running sees all before its end", () => {
    const visibility = new Visibility("7:7:");
    expect([6, 7].map((xid) => visibility.sees(xid))).toEqual([true, false]);
  });

  test("takes a number of 32 bits for the transaction that is nearest, on both sides of a new epoch", () => {
    // 2^32 is 4294967296.
    const after = new Visibility("4294967290:4294967300:4294967290,4294967298");
    expect([4294967289, 4294967290, 4294967295, 1, 2, 3, 4, 100].map((xid) => after.sees(xid))).toEqual([
      true,
      false,
      true,
      true,
      false,
      true,
      false,
      false,
    ]);
    const before = new Visibility("4294967290:4294967295:");
    expect([4294967289, 4294967295, 3].map((xid) => before.sees(xid))).toEqual([true, false, false]);
  });

  test.each(["", "1:2", "1:2:x", "1:2:3,"])("is not made of %j", (text) => {
    expect(() => new Visibility(text)).toThrow(/The source gives the snapshot/);
  });
});
