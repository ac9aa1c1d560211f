import { describe, expect, test } from "vitest";
import { mayEqual } from "../../../connectors/postgres/equal-keys.ts";
import type { WalkColumn } from "../../../connectors/postgres/snapshot-table.ts";

function column(name: string, changed: { schema?: string; isEnum?: boolean; deterministic?: boolean } = {}): WalkColumn {
  const { schema = "pg_catalog", isEnum = false, deterministic = true } = changed;
  return { name: "k", collation: null, operators: "pg_catalog", type: { schema, name, isEnum }, deterministic };
}

describe("a key", () => {
  test.each([
    { what: "is the one of the same text", columns: [column("int8")], key: "1", other: "1", equal: true },
    {
      what: "of another text is another where a value has one text",
      columns: [column("timestamptz")],
      key: "2026-01-01",
      other: "2026-01-02",
      equal: false,
    },
    {
      what: "of an enum is another where its text is",
      columns: [column("mood", { schema: "s", isEnum: true })],
      key: "ok",
      other: "OK",
      equal: false,
    },
    { what: "may have more digits behind the point", columns: [column("numeric")], key: "1", other: "1.00", equal: true },
    { what: "keeps the zeros before the point", columns: [column("numeric")], key: "1", other: "100", equal: false },
    { what: "keeps the zeros between digits", columns: [column("numeric")], key: "1.01", other: "1.0100", equal: true },
    { what: "may be a negative zero", columns: [column("float8")], key: "0", other: "-0", equal: true },
    { what: "may have blanks at its end", columns: [column("bpchar")], key: "a", other: "a   ", equal: true },
    { what: "has its blanks where they count", columns: [column("text")], key: "a", other: "a ", equal: false },
    {
      what: "may be written in another case where the collation says so",
      columns: [column("text", { deterministic: false })],
      key: "a",
      other: "A",
      equal: true,
    },
    { what: "may be anything where its type is not known", columns: [column("citext", { schema: "public" })], key: "a", other: "b", equal: true },
    {
      what: "may be anything where its type has many texts for a value",
      columns: [column("interval")],
      key: "1 day",
      other: "24:00:00",
      equal: true,
    },
    {
      what: "is judged by all of its columns",
      columns: [column("int4"), column("citext", { schema: "public" })],
      key: "1\0a",
      other: "2\0a",
      equal: false,
    },
    { what: "has each column's own rule", columns: [column("numeric"), column("int4")], key: "1\x001", other: "1.0\x001", equal: true },
  ])("$what", ({ columns, key, other, equal }) => {
    expect(mayEqual(columns, [other])(key)).toBe(equal);
    expect(mayEqual(columns, [])(key)).toBe(false);
  });
});
