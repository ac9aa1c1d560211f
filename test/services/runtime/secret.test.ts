import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { Secret, withoutPasswords } from "../../../services/runtime/secret.ts";

describe("Secret", () => {
  test("gives its value to whoever asks by name", () => {
    expect(new Secret("hunter2").reveal()).toBe("hunter2");
  });

  test("is [redacted] as text, in JSON, in inspection, deep inside too", () => {
    const secret = new Secret("hunter2");
    expect([String(secret), secret.toString()]).toEqual(["[redacted]", "[redacted]"]);
    expect(JSON.stringify({ a: [secret] })).toBe('{"a":["[redacted]"]}');
    expect(inspect({ a: { b: { c: secret } } }, { depth: 9, showHidden: true })).toContain("c: [redacted]");
    expect(inspect(secret, { customInspect: false, showHidden: true })).not.toContain("hunter2");
    expect([Object.keys(secret), JSON.stringify(structuredClone(secret))]).toEqual([[], "{}"]);
  });

  test.each([
    ["postgres://me:hunter2@host:5432/db", "postgres://me@host:5432/db"],
    ["postgresql://me@host/db?sslmode=require&password=hunter2", "postgresql://me@host/db"],
    ["postgres://me:hunter2@[::1]/db", "postgres://me@[::1]/db"],
    ["https://me:hunter2@registry/apis/ccompat/v7", "https://me@registry/apis/ccompat/v7"],
    ["http://registry:8081", "http://registry:8081/"],
    ["postgres://me:hun@ter2@host/db", "postgres://me@host/db"],
    ["postgres://me:1/hunter2@host/db", "[redacted]"],
    ["postgres://me:1?hunter2@host/db", "[redacted]"],
    ["postgres://me:1#hunter2@host/db", "[redacted]"],
    ["postgres://me:hun/ter2@host/db", "[redacted]"],
    ["postgres:hunter2", "[redacted]"],
    ["me:hunter2", "[redacted]"],
    ["ftp://me:hunter2@host/x", "[redacted]"],
    ["hunter2", "[redacted]"],
    ["", "[redacted]"],
  ])("%s may be shown as %s", (value, shown) => expect(new Secret(value).describe()).toBe(shown));
});

describe("withoutPasswords", () => {
  test.each([
    ["connecting to postgres://me:hunter2@host/db failed", "connecting to postgres://me:[redacted]@host/db failed"],
    ["https://:hunter2@host", "https://:[redacted]@host"],
    ["postgres://me:hun@ter2@host/db", "postgres://me:[redacted]@host/db"],
    ['{"url":"postgres://me:hun\\"ter2@host","to":"a@b"}', '{"url":"postgres://me:[redacted]@host","to":"a@b"}'],
    ["see https://host:8080/path for a:b@c", "see https://host:8080/path for a:b@c"],
    ["https://host/a,postgres://me:hunter2@host", "https://host/a,postgres:[redacted]@host"],
    ["two postgres://a:hunter2@b postgres://c:hunter2@d", "two postgres://a:[redacted]@b postgres://c:[redacted]@d"],
    ["a://b:c", "a://b:c"],
    ["nothing here", "nothing here"],
  ])("%s", (text, expected) => expect(withoutPasswords(text)).toBe(expected));

  test("takes no longer than its text is long", () => {
    // Each of these would take minutes were the time quadratic in the length.
    for (const piece of ["a", "a://b:", "a://", "://", "\\"]) expect(withoutPasswords(piece.repeat(500_000))).toHaveLength(piece.length * 500_000);
  });
});
