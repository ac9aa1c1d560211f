import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatLsn, parseLsn } from "../../../connectors/postgres/lsn.ts";

describe("an LSN", () => {
  test.each([
    ["0/0", 0n],
    ["0/1", 1n],
    ["16/B374D848", 0x16_b374_d848n],
    ["FFFFFFFF/FFFFFFFF", 0xffff_ffff_ffff_ffffn],
  ])("%s is printed as it was read", (text, lsn) => {
    expect(parseLsn(text)).toBe(lsn);
    expect(formatLsn(lsn)).toBe(text);
  });

  test("comes back from its text, whatever it is", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (lsn) => {
        expect(parseLsn(formatLsn(lsn))).toBe(lsn);
      }),
    );
  });

  test.each(["", "0", "/", "0/", "/0", "0/123456789", "g/0", "0x1/0", "-1/0", " 0/0", "0/0\n", "1/2/3"])("is not guessed from %j", (text) => {
    expect(() => parseLsn(text)).toThrow(RangeError);
  });
});
