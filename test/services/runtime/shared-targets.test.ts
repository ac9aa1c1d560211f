import { describe, expect, test } from "vitest";
import { Secret } from "../../../services/runtime/secret.ts";
import { type Addressed, sharedTargets } from "../../../services/runtime/shared-targets.ts";

const name = (schema: string, table: string) => ({ schema, table });

/** Its tables are those of its entries; each goes to the target that stands beside it. */
function service(of: string, url: string, tables: Readonly<Record<string, string | null>>, schema = "public"): Addressed {
  return {
    name: of,
    target: { schema, url: new Secret(url) },
    tables: Object.entries(tables).map(([table, target]) => ({
      ...name("public", table),
      pattern: table,
      ...(target === null ? {} : { mapping: { target: name(schema, target), columns: {}, exclude: [] } }),
    })),
  };
}

function faults(...services: Addressed[]): string[] {
  return sharedTargets(services, new Map(services.map((each) => [each.name, each.tables.map(({ schema, table }) => name(schema, table))])));
}

describe("sharedTargets", () => {
  test("two services that go to one table of one database", () => {
    const one = service("trading", "postgres://a:hidden@localhost/shop", { trades: "orders" });
    expect(faults(one, service("billing", "postgres://b:hidden@127.0.0.1:5432/shop", { orders: null }))).toEqual([
      "the table public.trades of services.trading and the table public.orders of services.billing both go to public.orders of the database localhost:5432/shop: give one of the services a database or a target.schema of its own, or one of the tables another `target`",
    ]);
  });

  test("two tables of one service", () => {
    expect(faults(service("trading", "postgres://a/shop", { trades: "orders", orders: null }))).toEqual([
      expect.stringContaining("the tables public.trades and public.orders of services.trading both go to public.orders of its target"),
    ]);
  });

  test.each([
    ["another database", "postgres://a/other", "public"],
    ["another server", "postgres://a:5433/shop", "public"],
    ["another schema", "postgres://a/shop", "billing"],
  ])("%s is another table", (_, url, schema) => {
    expect(faults(service("trading", "postgres://a/shop", { trades: "orders" }), service("billing", url, { orders: null }, schema))).toEqual([]);
  });
});
