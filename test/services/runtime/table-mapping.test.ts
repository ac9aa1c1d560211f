/** What offtake.yaml says of tables that are not at the target what they are at the source. */
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { ddlPolicy, mappingOf, poisonPolicy, redactedColumns, targetColumn } from "../../../services/runtime/table-mapping.ts";
import { redactedConfiguration } from "../../../services/runtime/redacted-configuration.ts";
import { changed, faultsOf, read } from "./sample-configuration.ts";

/** The sample whose service api has these tables. */
function withTables(yaml: string): string {
  return changed(["      users:\n", yaml]);
}

const mapped = withTables(`      users: { target: people, columns: { name: full_name, "E-Mail": mail }, exclude: [password] }
      audit.log: { target: '"odd.schema".entries' }
      plain:
`);

const service = () => read(mapped).services[1]!;

test("says where each table and column goes", () => {
  const users = mappingOf(service(), { schema: "public", table: "users" });
  expect([users.schema, users.table, users.differs]).toEqual(["public", "people", true]);
  expect(["id", "name", "E-Mail", "password"].map((name) => targetColumn(users, name))).toEqual(["id", "full_name", "mail", undefined]);
  expect(mappingOf(service(), { schema: "audit", table: "log" })).toMatchObject({ schema: "odd.schema", table: "entries", differs: true });
  expect(mappingOf(service(), { schema: "public", table: "plain" })).toMatchObject({ schema: "public", table: "plain", differs: false });
});

test("a target without a schema lies in the service's own, a table without a mapping too", () => {
  const own = read(mapped.replace("    target:\n      url: env:API", "    target:\n      url: env:API\n      schema: api")).services[1]!;
  expect(mappingOf(own, { schema: "public", table: "users" })).toMatchObject({ schema: "api", table: "people" });
  expect(mappingOf(own, { schema: "public", table: "plain" })).toMatchObject({ schema: "api", table: "plain" });
  expect(mappingOf(own, { schema: "other", table: "plain" })).toMatchObject({ schema: "other", table: "plain" });
});

test("the policy for altered tables is that of the entry that names the table, else of the first pattern that has one", () => {
  const entries = "      users: { ddl: stop }\n      other:\n      o*: \n      u*: { ddl: follow }\n      audit.*: { ddl: follow }\n";
  const api = read(withTables(entries)).services[1]!;
  const policies = ["users", "other", "orders", "units"].map((table) => ddlPolicy(api, { schema: "public", table }));
  expect([...policies, ddlPolicy(api, { schema: "audit", table: "log" })]).toEqual(["stop", "stop", "stop", "follow", "follow"]);
  const { services }: { services: { api: { tables: unknown } } } = parse(redactedConfiguration(read(withTables(entries))));
  expect(services.api.tables).toMatchObject({ users: { ddl: "stop" }, "u*": { ddl: "follow" }, other: null });
});

test("and so is the policy for events that the target refuses", () => {
  const entries = "      users: { poison: stop }\n      other:\n      o*: \n      u*: { poison: park }\n";
  const api = read(withTables(entries)).services[1]!;
  expect(["users", "other", "orders", "units"].map((table) => poisonPolicy(api, { schema: "public", table }))).toEqual([
    "stop",
    "stop",
    "stop",
    "park",
  ]);
  const { services }: { services: { api: { tables: unknown } } } = parse(redactedConfiguration(read(withTables(entries))));
  expect(services.api.tables).toEqual({ users: { poison: "stop" }, other: null, "o*": null, "u*": { poison: "park" } });
});

test("columns that nobody may see are those of all entries that are of the table, and are printed", () => {
  const entries = "      users: { redact: [card] }\n      o*: { redact: [mail] }\n      u*: { redact: [note] }\n";
  const api = read(withTables(entries)).services[1]!;
  expect(redactedColumns(api, { schema: "public", table: "users" })).toEqual({ columns: new Set(["card", "note"]), named: ["card"] });
  expect(redactedColumns(api, { schema: "public", table: "orders" })).toEqual({ columns: new Set(["mail"]), named: [] });
  const { services }: { services: { api: { tables: unknown } } } = parse(redactedConfiguration(read(withTables(entries))));
  expect(services.api.tables).toEqual({ users: { redact: ["card"] }, "o*": { redact: ["mail"] }, "u*": { redact: ["note"] } });
});

test("thresholds of the reconciler are printed as they can be read again", () => {
  const entries = "      users: { reconcile: { every: 5m, maxLag: 10m, maxMismatchRate: 0.001 } }\n      o*: { reconcile: { every: 1h } }\n";
  const { services }: { services: { api: { tables: unknown } } } = parse(redactedConfiguration(read(withTables(entries))));
  expect(services.api.tables).toEqual({
    users: { reconcile: { every: "5m", level: "detailed", hash: "representation", maxLag: "10m", maxMismatchRate: 0.001 } },
    "o*": { reconcile: { every: "1h", level: "detailed", hash: "representation", maxMismatchRate: 0 } },
  });
});

test("is printed as it can be read again", () => {
  const printed = redactedConfiguration(read(mapped));
  const { services }: { services: { api: { tables: unknown } } } = parse(printed);
  expect(services.api.tables).toEqual({
    users: { target: "public.people", columns: { name: "full_name", "E-Mail": "mail" }, exclude: ["password"] },
    "audit.log": { target: '"odd.schema".entries' },
    plain: null,
  });
});

describe("is refused", () => {
  test.each<[string, string, string[]]>([
    [
      "of a pattern, which may stand for many tables",
      "      user*: { target: people, columns: { a: b }, exclude: [c] }\n",
      ["target", "columns", "exclude"].map((key) => `\`${key}\` is for one table, and \`user*\` may stand for many: name the table`),
    ],
    [
      "with a target that is no name",
      "      users: { target: a.b.c }\n",
      ["services.api.tables.users.target: expected table or schema.table, where a name with a dot stands in double quotes"],
    ],
    [
      "with a target that is a pattern",
      "      users: { target: people* }\n",
      ["services.api.tables.users.target: expected table or schema.table, where a name with a dot stands in double quotes"],
    ],
    ["with two columns that become one", "      users: { columns: { a: c, b: c } }\n", ["the columns `a` and `b` both become `c`"]],
    ["with a column that is renamed and left out", "      users: { columns: { a: b }, exclude: [a] }\n", ["the column `a` is in `exclude` too"]],
  ])("%s", (_, yaml, faults) => {
    const found = faultsOf(withTables(yaml));
    expect(found.code).toBe("CONFIG_INVALID");
    expect(found.faults.map((each) => each.replace(/^\d+:\d+: /, ""))).toEqual(faults);
  });
});
