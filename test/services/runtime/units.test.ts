import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../../services/runtime/units.ts";

describe("durations", () => {
  test.each([
    ["250ms", 250],
    ["5s", 5_000],
    ["10m", 600_000],
    ["24h", 86_400_000],
    ["0s", 0],
  ])("%s is %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each(["", "5", "s", "5 s", " 5s", "5s ", "5S", "1d", "1.5h", "-1s", "+1s", "05s", "1e3s", "5sec", "1h30m", "٣s", "99999999999999999999h"])(
    "%j is no duration",
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );

  test("what is written is read back as the same number", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  test("the largest unit that is exact is written", () => {
    expect([0, 1, 90_000, 3_600_000, 86_400_000].map(formatDuration)).toEqual(["0ms", "1ms", "90s", "1h", "24h"]);
  });
});

describe("sizes", () => {
  test.each([
    ["512B", 512],
    ["64KiB", 65_536],
    ["10MiB", 10_485_760],
    ["10GiB", 10_737_418_240],
    ["1TiB", 1_099_511_627_776],
  ])("%s is %d bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each(["", "10", "10MB", "10M", "10mib", "10 MiB", "1.5GiB", "-1B", "0x10B", "010MiB", "8192TiB"])("%j is no size", (text) =>
    expect(parseSize(text)).toBeUndefined(),
  );

  test("the largest number that is exact is a size, the next one is not", () => {
    expect(parseSize(`${Number.MAX_SAFE_INTEGER}B`)).toBe(Number.MAX_SAFE_INTEGER);
    expect(parseSize(`${BigInt(Number.MAX_SAFE_INTEGER) + 1n}B`)).toBeUndefined();
  });

  test("what is written is read back as the same number", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseSize(formatSize(bytes))).toBe(bytes);
      }),
    );
    const unit = fc.constantFrom(1, 1024, 1024 ** 2, 1024 ** 3, 1024 ** 4);
    fc.assert(
      fc.property(fc.nat(8000), unit, (n, bytes) => {
        expect(parseSize(formatSize(n * bytes))).toBe(n * bytes);
      }),
    );
  });
});
