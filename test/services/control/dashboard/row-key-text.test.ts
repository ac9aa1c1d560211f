import { expect, test } from "vitest";
import { rowKeyText, valueText } from "../../../../services/control/dashboard/row-key-text.ts";

test("a value is told from what looks like it", () => {
  expect([null, "NULL", "", "7.5", "north west", "[redacted]", "[a4:d1]", "2026-11-22T06:50:00Z", 'a"b'].map(valueText)).toEqual([
    "NULL",
    '"NULL"',
    '""',
    "7.5",
    '"north west"',
    "[redacted]",
    "[a4:d1]",
    "2026-11-22T06:50:00Z",
    String.raw`"a\"b"`,
  ]);
  expect(rowKeyText({ id: "7", region: "north west" })).toBe('id = 7, region = "north west"');
});
