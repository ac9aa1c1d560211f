import { expect, test } from "vitest";
import { RowRate } from "../../../connectors/postgres/row-rate.ts";

test("rows are read no faster than they may be, by all tables together", () => {
  let now = 0;
  const rate = new RowRate(1000, () => now);
  expect([rate.wait, rate.most]).toEqual([0, 1000]);
  rate.took(500);
  rate.took(1000);
  expect(rate.wait).toBe(1500);
  now = 1400;
  expect(rate.wait).toBe(100);
  // What was not used is not saved up.
  now = 60_000;
  rate.took(1000);
  expect(rate.wait).toBe(1000);
});

test("without a limit nobody waits", () => {
  const rate = new RowRate(Infinity, () => 0);
  rate.took(1_000_000);
  expect([rate.wait, rate.most]).toEqual([0, Infinity]);
});
