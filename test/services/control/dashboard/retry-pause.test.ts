import fc from "fast-check";
import { expect, test } from "vitest";
import { queryOf } from "../../../../services/control/dashboard/query-of.ts";
import { retryPauseMs } from "../../../../services/control/dashboard/retry-pause.ts";

test("pauses grow, up to a limit, and are not the same for all", () => {
  expect([1, 2, 3, 4, 5, 6, 60].map((failures) => retryPauseMs(failures, 1))).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, chance) => {
      expect(retryPauseMs(failures, chance)).toBeGreaterThanOrEqual(retryPauseMs(failures, 1) / 2);
      expect(retryPauseMs(failures, chance)).toBeLessThanOrEqual(15_000);
    }),
  );
});

test("a query has what was given", () => {
  expect([queryOf({}), queryOf({ service: undefined }), queryOf({ service: "a b", limit: 7 })]).toEqual(["", "", "?service=a+b&limit=7"]);
});
