import { expect, test } from "vitest";
import { RangeSize } from "../../../services/reconcile/range-size.ts";

test("a range that takes long is followed by smaller ones, and by larger ones when that is over", () => {
  const size = new RangeSize();
  const sizes = [2000, 600, 501, 500, 10, 10, 10].map((ms) => {
    size.took(ms);
    return size.rows;
  });
  expect([sizes, size.most]).toEqual([[500, 250, 125, 250, 500, 1000, 2000], 10_000]);
  for (let i = 0; i < 20; i += 1) size.took(10_000);
  expect(size.rows).toBe(100);
  for (let i = 0; i < 20; i += 1) size.took(1);
  expect(size.rows).toBe(10_000);
});
