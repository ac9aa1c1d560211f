import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isLiteral, matchesTable, parseTablePattern } from "../../../services/runtime/table-pattern.ts";

describe("parseTablePattern", () => {
  test.each([
    ["trades", { schema: "public", table: "trades" }],
    ["audit.trades", { schema: "audit", table: "trades" }],
    ["public.ai_*", { schema: "public", table: "ai_*" }],
    ["*.*", { schema: "*", table: "*" }],
    ["Trades", { schema: "public", table: "Trades" }],
    ["order lines", { schema: "public", table: "order lines" }],
    ['"a.b"', { schema: "public", table: "a.b" }],
    ['x."a.b"', { schema: "x", table: "a.b" }],
    ['"x.y"."say ""hi"""', { schema: "x.y", table: 'say "hi"' }],
  ])("%s", (text, expected) => expect(parseTablePattern(text)).toEqual(expected));

  test.each(["", ".", "a.", ".a", "a.b.c", '"a', 'a"', '""', 'a""b', '"a"b', 'a."b', "a..b"])("%j is none", (text) =>
    expect(parseTablePattern(text)).toBeUndefined(),
  );

  test("every name can be written in quotes", () => {
    const name = fc.string({ unit: "grapheme", minLength: 1 });
    fc.assert(
      fc.property(name, name, (schema, table) => {
        const quoted = [schema, table].map((each) => `"${each.replaceAll('"', '""')}"`).join(".");
        expect(parseTablePattern(quoted)).toEqual({ schema, table });
      }),
    );
  });
});

const matches = (pattern: string, table: string) => matchesTable({ schema: "s", table: pattern }, { schema: "s", table });

describe("matchesTable", () => {
  test.each([
    ["ai_*", "ai_decisions", true],
    ["ai_*", "ai_", true],
    ["ai_*", "xai_decisions", false],
    ["*_log", "audit_log", true],
    ["*_log", "audit_logs", false],
    ["a*b*c", "a1b2c", true],
    ["a*b*c", "abc", true],
    ["a*b*c", "acb", false],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["*", "", true],
    ["**", "x", true],
    ["a.c", "abc", false],
    ["trades", "Trades", false],
    ["*ab*ab", "ab", false],
    ["*ab*ab", "abab", true],
  ])("%s against %s: %s", (pattern, table, expected) => expect(matches(pattern, table)).toBe(expected));

  test("schema and table both have to match", () => {
    expect(matchesTable({ schema: "a*", table: "t" }, { schema: "abc", table: "t" })).toBe(true);
    expect(matchesTable({ schema: "a*", table: "t" }, { schema: "b", table: "t" })).toBe(false);
  });

  test("the same as a regular expression whose * is .*", () => {
    const text = fc.stringMatching(/^[ab*]{0,8}$/);
    fc.assert(
      fc.property(text, fc.stringMatching(/^[ab]{0,10}$/), (pattern, name) => {
        expect(matches(pattern, name)).toBe(new RegExp(`^${pattern.replaceAll("*", ".*")}$`, "s").test(name));
      }),
      { numRuns: 2000 },
    );
  });

  test("a name without * is literal, and matches itself alone", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        fc.pre(!one.includes("*"));
        expect(isLiteral({ schema: "public", table: one })).toBe(true);
        expect(matches(one, other)).toBe(one === other);
      }),
    );
    expect(isLiteral({ schema: "public", table: "a*" })).toBe(false);
    expect(isLiteral({ schema: "*", table: "a" })).toBe(false);
  });
});
