import { expect, test } from "vitest";
import { copyCure } from "../../../connectors/postgres/copy-cure.ts";
import { olderRows } from "../../../connectors/postgres/copied-by-itself.ts";

const names = { service: "trading-engine", connector: "o'trading" };

test("a table of which nothing but its older rows is missing is copied by the connector; any other is emptied first, by a person", () => {
  expect(copyCure(names, { table: "public.trades", reason: olderRows.up })).toBe(
    "`offtake run` copies it, unless that has failed or was called off: then offtake snapshot start trading-engine public.trades. Where it is mended another way, at the target: DELETE FROM offtake.needs_copy WHERE connector = 'o''trading' AND table_name = 'public.trades';",
  );
  expect(copyCure(names, { table: "public.trades", reason: `${olderRows.up}; a partition was detached` })).toMatch(
    /^Remove at the target what the source does not have .* then: offtake snapshot start trading-engine public\.trades\. /,
  );
});

test.each([
  ["public.Trades", "public.Trades"],
  ["public.my trades", "'public.my trades'"],
  ["desk.o'trades", String.raw`'desk.o'\''trades'`],
])("the table %s is one word of the shell", (table, word) => {
  expect(copyCure(names, { table, reason: "" })).toContain(`offtake snapshot start trading-engine ${word}. `);
});
