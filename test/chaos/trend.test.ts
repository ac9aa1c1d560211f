import { expect, test } from "vitest";
import { growth } from "./trend.ts";

test.each([
  ["what stays", [5, 5, 5, 5], 0],
  ["what grows by half of its median", [80, 90, 100, 110, 120], 0.4],
  ["what falls", [120, 110, 100, 90, 80], -0.4],
  ["one figure that is far off", [100, 100, 900, 100, 100], 0],
  ["too few to tell", [1, 100], 0],
  ["nothing", [], 0],
  ["nothing all the time", [0, 0, 0], 0],
])("%s", (_, values, expected) => {
  expect(growth(values)).toBeCloseTo(expected);
});

test("a leak shows through noise", () => {
  const noisy = Array.from({ length: 60 }, (_, minute) => 150 + minute + (minute % 7) * 4 - (minute % 3) * 5);
  expect(growth(noisy)).toBeGreaterThan(0.25);
});
