import fc from "fast-check";
import { expect, test } from "vitest";
import { type Level, levels } from "../../../../services/control/dashboard/health.ts";
import { type Ranked, summary, worstFirst } from "../../../../services/control/dashboard/worst-first.ts";

const ranked = fc.record({
  name: fc.string(),
  health: fc.record({ word: fc.constant("w"), level: fc.constantFrom(...levels), reason: fc.string() }),
});

test("the worst service is first, and those that are equally bad stay where they are, whatever their figures do", () => {
  fc.assert(
    fc.property(fc.uniqueArray(ranked, { selector: ({ name }) => name }), (all) => {
      const ordered = worstFirst(all);
      const ranks = ordered.map(({ health }) => levels.indexOf(health.level));
      expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
      expect(worstFirst(all.toReversed())).toEqual(ordered);
    }),
  );
});

function of(level: Level): Ranked {
  return { name: "a", health: { word: "", level, reason: "" } };
}

test("how many are how bad", () => {
  expect(summary([of("ok"), of("page"), of("ok")])).toBe("1 in trouble, 2 ok");
  expect(summary([of("note"), of("warning")])).toBe("1 to look at, 1 paused or copying");
});
