import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Backoff } from "../../../services/runtime/backoff.ts";

/** The largest number that Math.random gives. */
const almostOne = 1 - 2 ** -53;

describe("Backoff", () => {
  test("the bound doubles up to the cap", () => {
    const backoff = new Backoff(100, 1000, () => almostOne);
    expect([1, 2, 3, 4, 5, 6].map(() => backoff.next() + 1)).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  test("jitter is full: from nothing to the bound", () => {
    const drawn = [0, 0.5, almostOne];
    const backoff = new Backoff(1000, 1000, () => drawn.shift() ?? 0);
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([0, 500, 999]);
  });

  test("after a reset it starts from the first bound", () => {
    const backoff = new Backoff(100, 1000, () => almostOne);
    backoff.next();
    backoff.next();
    backoff.reset();
    expect(backoff.next()).toBe(99);
  });

  test("never negative, never above the cap, whole milliseconds, however often it is asked", () => {
    const random = fc.double({ min: 0, max: almostOne, noNaN: true });
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(100_000), fc.array(random, { minLength: 1, maxLength: 2000 }), (first, cap, draws) => {
        const left = draws[Symbol.iterator]();
        const backoff = new Backoff(first, cap, () => left.next().value ?? 0);
        let bound = Math.min(first, cap);
        for (const draw of draws) {
          const wait = backoff.next();
          expect(wait).toBe(Math.floor(draw * bound));
          expect(wait).toBeLessThanOrEqual(cap);
          bound = Math.min(bound * 2, cap);
        }
      }),
    );
  });
});
