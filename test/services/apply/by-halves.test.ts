import fc from "fast-check";
import { expect, test } from "vitest";
import { byHalves } from "../../../services/apply/by-halves.ts";

interface Halved {
  /** In which order each was applied, by itself or with others. */
  readonly applied: number[];
  readonly refused: number;
  readonly alone: number[];
}

/** @param faulty those that go in only alone */
async function halved(count: number, faulty: ReadonlySet<number>): Promise<Halved> {
  const found = { applied: [] as number[], refused: 0, alone: [] as number[] };
  await byHalves(
    count,
    async (first, last) => {
      const those = Array.from({ length: last - first + 1 }, (_, i) => first + i);
      if (those.some((each) => faulty.has(each))) {
        found.refused += 1;
        return Promise.resolve(false);
      }
      found.applied.push(...those);
      return Promise.resolve(true);
    },
    async (at) => {
      found.applied.push(at);
      found.alone.push(at);
      return Promise.resolve();
    },
  );
  return found;
}

test("each is applied once and in order, whatever is refused, and few halves are tried for nothing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(199)), async (count, faults) => {
      const { applied, refused } = await halved(count, new Set(faults));
      expect(applied).toEqual(Array.from({ length: count }, (_, i) => i));
      expect(refused).toBeLessThanOrEqual(4 * Math.ceil(Math.log2(Math.max(count, 2))));
    }),
  );
});

test("one of a thousand is found by nine halves that are refused, and goes in alone with its neighbour at most", async () => {
  const { refused, alone } = await halved(1000, new Set([617]));
  expect(refused).toBeLessThanOrEqual(9);
  expect(alone).toContain(617);
  expect(alone.length).toBeLessThanOrEqual(2);
});

test("what one that cannot be applied throws ends it: nothing behind it is applied", async () => {
  const applied: number[] = [];
  const done = byHalves(
    8,
    async (first, last) => {
      if (first <= 5 && last >= 5) return Promise.resolve(false);
      for (let at = first; at <= last; at += 1) applied.push(at);
      return Promise.resolve(true);
    },
    async (at) => {
      if (at === 5) throw new Error("refused");
      applied.push(at);
      return Promise.resolve();
    },
  );
  await expect(done).rejects.toThrow("refused");
  expect(applied).toEqual([0, 1, 2, 3, 4]);
});
