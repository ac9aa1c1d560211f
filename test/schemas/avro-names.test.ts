import avro from "avsc";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { avroName, postgresName, subjectOf, tableNamespace, tableOfNamespace } from "../../schemas/avro-names.ts";
import { text } from "../support/pgoutput-arbitraries.ts";

/** Names that look like escapes, or become them when something is put in front. */
const awkward = fc
  .array(fc.constantFrom("_", "u", "_u", "0", "4", "1", "f", "F", "g", "é", ".", "-", "\u{1F600}", "_u0041", "_u005f", "A"), {
    minLength: 1,
    maxLength: 12,
  })
  .map((parts) => parts.join(""));
const name = fc.oneof(
  awkward,
  text(30).filter((value) => value !== ""),
);

describe("avroName", () => {
  test.each(["id", "trade_id", "_private", "CamelCase", "x1", "a_u", "u00e9", "_u", "_under_", "_u12"])(
    "leaves the ordinary name %s as it is",
    (ordinary) => {
      expect(avroName(ordinary)).toBe(ordinary);
    },
  );

  test.each([
    ["order-id", "order_u002did"],
    ["2fa", "_u0032fa"],
    ["größe", "gr_u00f6_u00dfe"],
    ["a.b", "a_u002eb"],
    ["😀", "_ud83d_ude00"],
    ["_u0041", "_u005fu0041"],
    ["with space", "with_u0020space"],
  ])("writes %s as %s", (from, to) => {
    expect(avroName(from)).toBe(to);
  });

  test("gives a name that Avro takes, and that can be turned back: so no two names become one", () => {
    fc.assert(
      fc.property(name, (value) => {
        expect(avroName(value)).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
        expect(postgresName(avroName(value))).toBe(value);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("the namespace of a table", () => {
  test("keeps the dots of the prefix, and gives back schema and table", () => {
    expect(tableNamespace("acme.prod", "public", "a.b")).toBe("acme.prod.public.a_u002eb");
    fc.assert(
      fc.property(fc.constantFrom("offtake", "a.b.c", "1-x"), name, name, (prefix, schema, table) => {
        const namespace = tableNamespace(prefix, schema, table);
        expect(tableOfNamespace(namespace)).toEqual({ schema, table });
        expect(avro.Type.forSchema({ type: "record", name: "Key", namespace, fields: [] }).name).toBe(`${namespace}.Key`);
      }),
    );
  });

  test("subjects follow TopicRecordNameStrategy", () => {
    expect(subjectOf("offtake.api", "offtake.public.users.Key")).toBe("offtake.api-offtake.public.users.Key");
  });
});
