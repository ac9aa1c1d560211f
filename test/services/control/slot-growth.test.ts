import { describe, expect, test } from "vitest";
import { secondsToLoss, slotGrowth } from "../../../services/control/slot-growth.ts";

/** Samples of every ten seconds. */
function every10(...retainedBytes: readonly (number | null)[]): { times: number[]; retainedBytes: readonly (number | null)[] } {
  return { times: retainedBytes.map((_, i) => 1_000_000 + i * 10), retainedBytes };
}

function from(length: number, of: (i: number) => number | null): { times: number[]; retainedBytes: readonly (number | null)[] } {
  return every10(...Array.from({ length }, (_, i) => of(i)));
}

describe("what a slot retains grows by", () => {
  test.each([
    ["nobody knows before there was a minute of it", from(6, (i) => i * 1000), null],
    ["nobody knows where nothing was sampled", every10(), null],
    ["what is added each second, where nobody reads it", from(20, (i) => 5000 + i * 1000), 100],
    ["the same after seven samples", from(7, (i) => i * 1000), 100],
    ["nothing, where it stays", from(20, () => 7000), 0],
    ["nothing, where it shrinks", from(20, (i) => 100_000 - i * 1000), 0],
    ["nothing, where it goes up and down on level ground", from(20, (i) => (i % 4) * 30_000), 0],
    ["what its troughs climb by, where it goes up and down on the way", from(21, (i) => i * 1000 + (i % 5 === 0 ? 0 : 40_000)), 100],
    ["nothing, where the newest sample alone is high", from(20, (i) => (i === 19 ? 1_000_000 : 0)), 0],
    ["what it does now, whatever it did an hour ago", from(360, (i) => (i < 340 ? (340 - i) * 50_000 : (i - 340) * 2000)), 200],
    ["what is known of, where some of it was not", from(13, (i) => (i % 2 === 0 ? i * 1000 : null)), 100],
    ["nobody knows where the newer half was not known", from(13, (i) => (i < 6 ? i * 1000 : null)), null],
  ])("%s", (_, history, growth) => {
    expect(slotGrowth(history)).toBe(growth);
  });
});

describe("a slot is lost", () => {
  test.each([
    ["after what can be written at that rate", 6000, 100, 60],
    ["at once where nothing can be written any more", 0, 100, 0],
    ["at once where it is past that", -5, 100, 0],
    ["never without a limit", null, 100, null],
    ["never where it does not grow", 6000, 0, null],
    ["nobody knows when, where nobody knows the rate", 6000, null, null],
  ])("%s", (_, safeBytes, growth, seconds) => {
    expect(secondsToLoss(safeBytes, growth)).toBe(seconds);
  });
});
