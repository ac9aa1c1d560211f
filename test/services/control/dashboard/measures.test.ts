import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytesText, counted, countText, rateText, secondsText, shareText } from "../../../../services/control/dashboard/measures.ts";

describe("seconds", () => {
  test.each([
    [0, "0 ms"],
    [0.0421, "42 ms"],
    [0.9999, "1.0 s"],
    [1.24, "1.2 s"],
    [9.94, "9.9 s"],
    [9.96, "10 s"],
    [59.4, "59 s"],
    [59.6, "1 min"],
    [61, "1 min 1 s"],
    [3599.6, "1 h"],
    [4000, "1 h 6 min"],
    [86_400, "1 d"],
    [200_000, "2 d 7 h"],
    [-1, "0 ms"],
    [null, "unknown"],
    [undefined, "unknown"],
    [Number.POSITIVE_INFINITY, "unknown"],
  ])("%s are %s", (seconds, text) => {
    expect(secondsText(seconds)).toBe(text);
  });
});

describe("bytes", () => {
  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1_048_575, "1.0 MiB"],
    [10 * 2 ** 30, "10.0 GiB"],
    [2 ** 63, "8192.0 PiB"],
    [null, "unknown"],
  ])("%s are %s", (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  test("are never 1024 of a unit that has a next", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 59, noNaN: true }), (bytes) => {
        expect(Number.parseFloat(bytesText(bytes))).toBeLessThan(1024);
      }),
    );
  });
});

test("counts, rates and shares", () => {
  expect([0, 999, 1000, 1_234_567.4].map(countText)).toEqual(["0", "999", "1,000", "1,234,567"]);
  expect([rateText(1234.5), rateText(null), shareText(0.505)]).toEqual(["1,235/s", "unknown", "51 %"]);
  expect([counted(1, "key"), counted(2, "key"), counted(0, "entry", "entries")]).toEqual(["1 key", "2 keys", "0 entries"]);
});
