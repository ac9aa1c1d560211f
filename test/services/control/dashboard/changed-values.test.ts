import fc from "fast-check";
import { expect, test } from "vitest";
import { changedValues } from "../../../../services/control/dashboard/changed-values.ts";

test("what was changed stands on one line, and whole where that is not all of it", () => {
  expect([null, {}, { paused: true, by: "ada" }, [1]].map((value) => changedValues(value).short)).toEqual([
    "nothing",
    "nothing",
    "paused: true, by: ada",
    "[1]",
  ]);
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const { short, whole } = changedValues(value);
      expect(short.length).toBeLessThanOrEqual(80);
      expect(whole === undefined || JSON.stringify(JSON.parse(whole)) === JSON.stringify(value)).toBe(true);
    }),
  );
});
