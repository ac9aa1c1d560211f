import { describe, expect, test } from "vitest";
import { dueIn, firstDue } from "../../../services/reconcile/schedule.ts";

describe("a table's next pass", () => {
  test.each([
    ["never compared: now", undefined, 0.5, 0],
    ["just compared: an interval later", 10_000, 0.5, 1000],
    ["or a little earlier or later, by its chance", 10_000, 0, 900],
    ["by no more than a tenth", 10_000, 1, 1100],
    ["some time ago: the rest", 9400, 0.5, 400],
    ["long ago: now", 0, 0.5, 0],
    ["in the future, by a clock that was set back: an interval", 99_000, 0.5, 1000],
  ])("%s", (_what, finishedAt, chance, expected) => {
    expect(dueIn(1000, finishedAt, chance, 10_000)).toBeCloseTo(expected, 6);
  });

  test("is of the table that is due first", () => {
    expect(firstDue([])).toBeUndefined();
    expect(firstDue(["a", "b", "c"].map((item, i) => ({ item, inMs: [5, 1, 1][i]! })))?.item).toBe("b");
  });
});
