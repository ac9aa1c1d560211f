import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { expandTables } from "../../../services/runtime/expand-tables.ts";
import { matchesTable, parseTablePattern, type TableName } from "../../../services/runtime/table-pattern.ts";

const catalog = ["users", "trades", "positions", "ai_decisions", "ai_calibration_log"].map((table) => ({ schema: "public", table }));
catalog.push({ schema: "audit", table: "users" });

function owner(name: string, ...patterns: string[]) {
  return {
    name,
    target: { schema: "public" },
    tables: patterns.map((pattern) => {
      const parsed = parseTablePattern(pattern);
      if (parsed === undefined) throw new Error(`${pattern} is no pattern`);
      return { pattern, ...parsed };
    }),
  };
}

function faults(...services: ReturnType<typeof owner>[]): string {
  try {
    expandTables(services, catalog);
  } catch (error) {
    if (error instanceof OfftakeError && error.code === "TABLES_UNRESOLVED") return error.message;
    throw error;
  }
  return "";
}

/** The tables of each service, or the code of the error. */
function outcome(services: ReturnType<typeof owner>[], source: TableName[]): readonly (readonly TableName[])[] | string {
  try {
    const expanded = expandTables(services, source);
    return services.map(({ name }) => expanded.get(name) ?? []);
  } catch (error) {
    return error instanceof OfftakeError ? error.code : String(error);
  }
}

const name = (table: string): TableName => ({ schema: "public", table });

describe("a partitioned table", () => {
  const tree = ["orders", "orders_1", "orders_2", "orders_2_a", "users"].map(name);
  const partitions = [
    { ...name("orders_1"), ancestors: [name("orders")] },
    { ...name("orders_2"), ancestors: [name("orders")] },
    { ...name("orders_2_a"), ancestors: [name("orders_2"), name("orders")] },
  ];

  function expanded(...services: ReturnType<typeof owner>[]): string[][] | string {
    try {
      return [...expandTables(services, tree, partitions).values()].map((tables) => tables.map(({ table }) => table));
    } catch (error) {
      return error instanceof OfftakeError ? error.message.split("\n").slice(1).join("\n") : String(error);
    }
  }

  test.each<[string, ReturnType<typeof owner>[], string[][]]>([
    ["that is named stands for its partitions", [owner("a", "orders")], [["orders"]]],
    ["that a pattern matches with its partitions stands for them", [owner("a", "*")], [["orders", "users"]]],
    ["that is itself a partition stands for those below it", [owner("a", "orders_2")], [["orders_2"]]],
    ["that a pattern matches below stands for those below that", [owner("a", "orders_*")], [["orders_1", "orders_2"]]],
    [
      "that nobody names leaves its partitions tables of their own",
      [owner("a", "orders_1"), owner("b", "orders_2_a")],
      [["orders_1"], ["orders_2_a"]],
    ],
  ])("%s", (_, services, expected) => {
    expect(expanded(...services)).toEqual(expected);
  });

  test.each<[string, ReturnType<typeof owner>[], RegExp]>([
    [
      "beside a partition that is named exactly",
      [owner("a", "orders", "orders_2_a")],
      /^ {2}the table public.orders_2_a of services.a.tables is a partition of public.orders of services.a.tables, which stands for all of its partitions: name the one or the other$/,
    ],
    [
      "that a pattern matches, beside one that is named exactly",
      [owner("a", "orders_2_a", "*")],
      /^ {2}the table public.orders_2_a .* of public.orders_2 of/,
    ],
    [
      "with a partition that another service names",
      [owner("a", "orders"), owner("b", "orders_1")],
      /^ {2}the table public.orders_1 of services.b.tables is a partition of public.orders of services.a.tables/,
    ],
    [
      "with partitions that a pattern of another service matches",
      [owner("a", "orders"), owner("b", "orders_*")],
      /^( {2}the table public.orders_\S+ of services.b.tables is a partition of .*\n?){3}$/,
    ],
  ])("%s is a fault", (_, services, message) => {
    expect(expanded(...services)).toMatch(message);
  });
});

describe("expandTables", () => {
  test("names and patterns become tables, in the catalog's order, for each service", () => {
    const tables = expandTables(
      [owner("api", "users"), owner("trading", "positions", "trades"), owner("ai", "ai_*"), owner("audit", "audit.*")],
      catalog,
    );
    expect(Object.fromEntries([...tables].map(([service, names]) => [service, names.map(({ schema, table }) => `${schema}.${table}`)]))).toEqual({
      api: ["public.users"],
      trading: ["public.trades", "public.positions"],
      ai: ["public.ai_decisions", "public.ai_calibration_log"],
      audit: ["audit.users"],
    });
  });

  test("a table that two entries of one service match is there once", () => {
    expect(expandTables([owner("ai", "ai_*", "ai_decisions", "*_log")], catalog).get("ai")).toHaveLength(2);
  });

  test("a table of two services is a fault that names both entries", () => {
    const message = faults(owner("ai", "ai_*"), owner("analytics", "*_log"));
    expect(message).toContain(
      "the table public.ai_calibration_log has two owners: `ai_*` of services.ai.tables and `*_log` of services.analytics.tables",
    );
    expect(message).not.toContain("ai_decisions");
  });

  test("two tables that go to one of the target are a fault, where target.schema has the name of another schema", () => {
    const both = owner("api", "users", "audit.users", "trades");
    expect(faults(both)).toBe("");
    const message = faults({ ...both, target: { schema: "audit" } });
    expect(message).toContain("the tables public.users and audit.users of services.api both go to audit.users of its target");
    expect(message).not.toContain("trades");
  });

  test("a name that the source does not have is a fault, with the name that was meant", () => {
    expect(faults(owner("api", "user"))).toContain("services.api.tables: the source has no table `user`: did you mean `users`?");
    expect(faults(owner("api", "audit.user"))).toContain("did you mean `audit.users`?");
    expect(faults(owner("api", "invoices"))).toMatch(/no table `invoices`$/m);
  });

  test("a pattern that matches nothing is a fault", () => {
    expect(faults(owner("api", "api_*"))).toContain("`api_*` matches no table of the source");
  });

  test("all faults at once", () => {
    const message = faults(owner("a", "nothing_*", "users"), owner("b", "users", "nowhere"));
    expect(message.split("\n")).toHaveLength(4);
  });

  test("each table has at most one owner, whose entries match it; else there is a fault", () => {
    const pattern = fc.stringMatching(/^[ab*]{1,3}$/);
    const names = fc.uniqueArray(fc.stringMatching(/^[ab]{1,3}$/), { minLength: 1 });
    fc.assert(
      fc.property(names, fc.array(pattern, { maxLength: 3 }), fc.array(pattern, { maxLength: 3 }), (tables, one, other) => {
        const source = tables.map((table) => ({ schema: "public", table }));
        const services = [owner("one", ...one), owner("other", ...other)];
        const matching = (table: (typeof source)[number]) => services.filter((service) => service.tables.some((entry) => matchesTable(entry, table)));
        const clean =
          source.every((table) => matching(table).length <= 1) &&
          services.every(({ tables: entries }) => entries.every((entry) => source.some((table) => matchesTable(entry, table))));
        const expected = clean ? services.map((service) => source.filter((table) => matching(table).includes(service))) : "TABLES_UNRESOLVED";
        expect(outcome(services, source)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});
