import { describe, expect, test } from "vitest";
import type { SideKey, SideTable } from "../../../services/reconcile/compared-table.ts";
import { rangeCondition } from "../../../services/reconcile/key-range.ts";

function tableWith(...key: SideKey[]): SideTable {
  return { oid: 1, name: "t", from: "ONLY t", columns: [], hashed: [], hashing: "representation" as const, key };
}

const id: SideKey = { name: '"id"', cast: "int8", operators: '"pg_catalog"' };
const n: SideKey = { name: '"n"', cast: "int4", operators: '"pg_catalog"' };
const email: SideKey = { name: '"email"', cast: "citext", operators: '"ext"' };

describe("a range of keys", () => {
  test("that is open on both sides is everything", () => {
    expect(rangeCondition(tableWith(id), { after: undefined, upTo: undefined })).toBe("");
  });

  test("is one comparison of rows on either side", () => {
    expect(rangeCondition(tableWith(id, n), { after: ["1", "2"], upTo: ["3", "4"] })).toBe(
      ` WHERE ("id", "n") OPERATOR("pg_catalog".>) ('1'::int8, '2'::int4) AND ("id", "n") OPERATOR("pg_catalog".<=) ('3'::int8, '4'::int4)`,
    );
  });

  test("of an extension's type is compared by the extension's operators, which are not in the search path", () => {
    expect(rangeCondition(tableWith(email), { after: ["it's"], upTo: undefined })).toBe(` WHERE ("email") OPERATOR("ext".>) ('it''s'::citext)`);
  });

  test("over both kinds of types says it column by column", () => {
    const beyond = `"id" OPERATOR("pg_catalog".>=) '1'::int8 AND ("id" OPERATOR("pg_catalog".>) '1'::int8 OR ("id" OPERATOR("pg_catalog".=) '1'::int8 AND ("email" OPERATOR("ext".>) 'a'::citext)))`;
    expect(rangeCondition(tableWith(id, email), { after: ["1", "a"], upTo: undefined })).toBe(` WHERE ${beyond}`);
    expect(rangeCondition(tableWith(id, email), { after: undefined, upTo: ["1", "a"] })).toBe(
      ` WHERE "id" OPERATOR("pg_catalog".<=) '1'::int8 AND NOT (${beyond})`,
    );
  });
});
