import { describe, expect, test } from "vitest";
import { changed, faultsOf } from "./sample-configuration.ts";

describe("tables", () => {
  test.each<[string, string, string[]]>([
    [
      "of two services",
      changed(["positions]", "users]"]),
      ["15:7: the table `users` is in services.trading-engine.tables already; a table has one owner"],
    ],
    [
      "of two services, with and without the schema",
      changed(["positions]", "public.users]"]),
      ["15:7: the table `users` is in services.trading-engine.tables already; a table has one owner"],
    ],
    ["of one service twice", changed(["positions]", "trades]"]), ["10:22: the table `trades` is in this list twice"]],
    [
      "that are no names",
      changed(["[trades, positions]", "[a.b.c, '', \"x\"]"]),
      [
        "10:14: services.trading-engine.tables[0]: expected table or schema.table, where a name with a dot stands in double quotes, found `a.b.c`",
        '10:21: services.trading-engine.tables[1]: expected a table or pattern, found the text ""',
      ],
    ],
  ])("%s", (_, text, faults) => expect(faultsOf(text)).toEqual({ code: "CONFIG_INVALID", faults }));

  test("patterns that overlap are left to the catalog to judge", () => {
    expect(faultsOf(changed(["[trades, positions]", "[trades, user*, other.users]"])).code).toBe("");
  });
});
