import { expect, test } from "vitest";
import { CopyRate } from "../../../connectors/postgres/copy-rate.ts";

test("rows are read no faster than they may be, by all tables together", () => {
  let now = 0;
  const rate = new CopyRate(1000, Infinity, () => now);
  expect([rate.wait, rate.mostRows, rate.mostBytes]).toEqual([0, 1000, Infinity]);
  rate.took(500, 1 << 30);
  rate.took(1000, 1 << 30);
  expect(rate.wait).toBe(1500);
  now = 1400;
  expect(rate.wait).toBe(100);
  // What was not used is not saved up.
  now = 60_000;
  rate.took(1000, 0);
  expect(rate.wait).toBe(1000);
});

test("nor are their bytes, whichever of the two takes longer", () => {
  const rate = new CopyRate(1000, 1_000_000, () => 0);
  expect([rate.mostRows, rate.mostBytes]).toEqual([1000, 1_000_000]);
  rate.took(100, 3_000_000);
  expect(rate.wait).toBe(3000);
  rate.took(2000, 1_000_000);
  expect(rate.wait).toBe(5000);
});

test("without a limit nobody waits", () => {
  const rate = new CopyRate(Infinity, Infinity, () => 0);
  rate.took(1_000_000, 1 << 30);
  expect([rate.wait, rate.mostRows, rate.mostBytes]).toEqual([0, Infinity, Infinity]);
});
