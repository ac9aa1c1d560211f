import { describe, expect, test } from "vitest";
import type { Reference, SurveyedTable } from "../../../connectors/postgres/catalog-survey.ts";
import { suggestServices } from "../../../services/cli/ownership.ts";

function table(name: string, ...references: (Partial<Reference> & { readonly target: string })[]): SurveyedTable {
  return {
    ...named(name),
    rows: 1,
    bytes: 8192,
    key: ["id"],
    writes: 0,
    writers: ["app"],
    references: references.map(({ target, ...more }) => ({
      to: named(target),
      columns: ["x"],
      inKey: false,
      cascades: false,
      required: false,
      ...more,
    })),
  };
}

function named(name: string): { schema: string; table: string } {
  const [schema, own] = name.includes(".") ? name.split(".") : ["public", name];
  return { schema: schema!, table: own! };
}

function suggested(...tables: SurveyedTable[]): Record<string, string[]> {
  return Object.fromEntries(suggestServices(tables, "shop").map((service) => [service.name, service.tables.map((each) => each.table)]));
}

describe("a table goes with the one that it is a part of", () => {
  test.each<[string, Partial<Reference>]>([
    ["its key has the reference", { inKey: true }],
    ["its rows are deleted with the other's", { cascades: true }],
    ["the reference is its only one, and it cannot be without", { required: true }],
  ])("%s", (_, reference) => {
    expect(suggested(table("items", { target: "orders", ...reference }), table("orders"))).toEqual({ orders: ["orders", "items"] });
  });

  test("and not where it may be without the other, or has others as well", () => {
    expect(suggested(table("notes", { target: "orders" }), table("orders"))).toEqual({ notes: ["notes"], orders: ["orders"] });
    const links = [
      { target: "orders", required: true },
      { target: "users", required: true },
    ] as const;
    expect(suggested(table("calls", ...links), table("orders"), table("users"))).toEqual({ calls: ["calls"], orders: ["orders"], users: ["users"] });
  });

  test("over several steps; a key counts for more than a cascade", () => {
    const discounts = table("discounts", { target: "items", required: true });
    const items = table("items", { target: "users", cascades: true }, { target: "orders", inKey: true });
    expect(suggested(discounts, items, table("orders"), table("users", { target: "users" }))).toEqual({
      orders: ["orders", "discounts", "items"],
      users: ["users"],
    });
  });

  test("in a ring all go to one, whoever hangs on it", () => {
    const ring = [table("b", { target: "c", required: true }), table("c", { target: "b", required: true })];
    expect(suggested(table("a", { target: "c", required: true }), ...ring)).toEqual({ b: ["b", "a", "c"] });
    expect(suggested(...ring, table("z", { target: "b", required: true }))).toEqual({ b: ["b", "c", "z"] });
  });

  test("where the other one is not among the tables it is on its own", () => {
    expect(suggested(table("items", { target: "orders", inKey: true }))).toEqual({ items: ["items"] });
  });
});

describe("names", () => {
  test("tables that have to do with no other stay together, by schema", () => {
    expect(suggested(table("a"), table("b"), table("audit.c"), table("audit.d"))).toEqual({ shop: ["a", "b"], audit: ["c", "d"] });
  });

  test("are what Kafka and a slot take, and no two are the same", () => {
    const points = [
      table("n", { target: "Order Lines" }),
      table("Order Lines"),
      table("audit.order_lines", { target: "n" }),
      table("äß", { target: "n" }),
    ];
    expect(Object.keys(suggested(...points))).toEqual(["n", "order-lines", "audit-order-lines", "public"]);
    expect(suggestServices([table("Ä"), table("audit.Ö"), table("ö.ö")], "Ä").map(({ name }) => name)).toEqual(["service-2", "audit", "service-3"]);
  });
});
