import fc from "fast-check";
import { expect, test } from "vitest";
import { SeededRandom } from "../../../infra/demo/seeded-random.ts";

test("the same seed and name give the same numbers, on every machine and in every version", () => {
  const random = new SeededRandom(1, "load 0");
  expect([random.bits(), random.bits(), random.bits()]).toEqual([2_043_056_243, 3_599_365_327, 407_434_253]);
  expect(random.uuid()).toBe("94cbb1ee-1446-4d75-9c4c-2c719eb2faf1");
});

const first = (seed: number, name: string): number[] => {
  const random = new SeededRandom(seed, name);
  return [random.bits(), random.bits(), random.bits(), random.bits()];
};

test("another seed and another name give other numbers", () => {
  expect(first(2, "load 0")).not.toEqual(first(1, "load 0"));
  expect(first(1, "load 1")).not.toEqual(first(1, "load 0"));
});

test("values are what their columns take", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = new SeededRandom(seed, "values");
      expect(random.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(random.amount(1_000_000)).toMatch(/^[1-9][0-9]{0,5}(\.[0-9]{2}|\.[0-9]{8})?$/);
      expect(random.probability()).toMatch(/^0\.[0-9]{8}$/);
      expect(random.hex(13)).toMatch(/^[0-9a-f]{13}$/);
      expect(random.bytes(5)).toHaveLength(5);
      const number = random.between(-3, 3);
      expect(number >= -3 && number <= 3 && Number.isInteger(number)).toBe(true);
    }),
  );
});

test("take removes what it gives, and pick does not", () => {
  const random = new SeededRandom(7, "lists");
  const list = [1, 2, 3, 4];
  const taken = random.take(list);
  expect(new Set([...list, taken])).toEqual(new Set([1, 2, 3, 4]));
  random.pick(list);
  expect(list).toHaveLength(3);
  expect(() => random.take([])).toThrow(RangeError);
});
