import { expect, test } from "vitest";
import { ownTarget } from "../../../services/cli/own-target.ts";

const name = (table: string, schema = "public") => ({ schema, table });
const entry = (table: string, target?: string) => ({
  ...name(table),
  pattern: table,
  ...(target === undefined ? {} : { mapping: { target: name(target), columns: {}, exclude: [] } }),
});
const service = (schema: string, ...tables: ReturnType<typeof entry>[]) => ({ name: "trading", target: { schema }, tables });

test.each([
  ["itself", service("public", entry("trades")), "public.trades goes to public.trades"],
  ["another service's table", service("public", entry("trades", "users")), "public.trades goes to public.users"],
])("a table that goes to %s is refused", (_, owner, words) => {
  expect(ownTarget(owner, [name("trades")], [name("trades"), name("users")])?.message).toContain(words);
});

test.each([
  ["another schema", service("desk", entry("trades"))],
  ["a table that nobody captures", service("public", entry("trades", "deals"))],
])("one that goes to %s of the monolith's database is not", (_, owner) => {
  expect(ownTarget(owner, [name("trades")], [name("trades"), name("users")])).toBeUndefined();
});
