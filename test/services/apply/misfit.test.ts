import { expect, test } from "vitest";
import { misfits } from "../../../services/apply/misfit.ts";

function wider(type: string, value: string): string | undefined {
  return misfits([{ name: '"c"', type, value }])[0]?.wider;
}

test.each([
  ["character varying(5)", "abcdef", "text"],
  ["character(2)", "äöü", "text"],
  ["bit(3)", "1010", "bit varying"],
  ["bit(3)", "10", "bit varying"],
  ["bit varying(3)", "1010", "bit varying"],
  ["smallint", "32768", "bigint"],
  ["integer", "-2147483649", "bigint"],
  ["integer", "9223372036854775808", "numeric"],
  ["bigint", "9223372036854775808", "numeric"],
  ["integer", "1.5", "numeric"],
  ["numeric(6,2)", "10000", "numeric"],
  ["numeric(6,2)", "-9999.995", "numeric"],
  ["numeric(3,0)", "999.5", "numeric"],
  ["numeric(3,0)", "Infinity", "numeric"],
])("%s does not take %s; %s does", (type, value, expected) => {
  expect(wider(type, value)).toBe(expected);
});

test.each([
  ["character varying(5)", "abcde   "],
  ["character varying(2)", "😀😀"],
  ["character varying", "any"],
  ["text", "any"],
  ["bit varying(3)", "10"],
  ["smallint", "-32768"],
  ["bigint", "9223372036854775807"],
  ["numeric(6,2)", "9999.994"],
  ["numeric(6,2)", "NaN"],
  ["numeric", "1e400"],
  ["timestamp(3) without time zone", "2026-01-01"],
  ["character varying(1)[]", "{ab}"],
])("%s takes %s, or nothing is said", (type, value) => {
  expect(wider(type, value)).toBeUndefined();
});

test("of several columns those are named that are too narrow", () => {
  const found = misfits([
    { name: '"a"', type: "integer", value: "1" },
    { name: '"b"', type: "smallint", value: "70000" },
    { name: '"c"', type: "character varying(1)", value: "ab" },
  ]);
  expect(found.map(({ name }) => name)).toEqual(['"b"', '"c"']);
});
