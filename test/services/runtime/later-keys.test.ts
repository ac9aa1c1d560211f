import { describe, expect, test } from "vitest";
import { laterKeys } from "../../../services/runtime/later-keys.ts";
import { changed, env, faultsOf } from "./sample-configuration.ts";

const users = (options: string) => changed(["      users:", `      users: { ${options} }`]);
const trading = (line: string) => changed(["[trades, positions]", `[trades, positions]\n    ${line}`]);

/** Each row of the table, written into a file as the documentation of its version has it. */
const written: Record<string, [text: string, fault: string]> = {
  "services.*.values": [trading("values: debezium"), "11:5: `values` in services.trading-engine is not in this version: remove it"],
  "services.*.tables.*.exclude": [users("exclude: [email]"), "15:16: `exclude` in services.api.tables.users is not in this version: remove it"],
  "services.*.tables.*.columns": [users("columns: { a: b }"), "15:16: `columns` in services.api.tables.users is not in this version: remove it"],
  "services.*.tables.*.target": [users("target: people"), "15:16: `target` in services.api.tables.users is not in this version: remove it"],
  "services.*.tables.*.conflict.timestampField": [
    users("conflict: { strategy: source-wins, timestampField: at }"),
    "15:51: `timestampField` in services.api.tables.users.conflict is not in this version: remove it",
  ],
  "services.*.tables.*.conflict.alert": [
    users("conflict: { strategy: source-wins, alert: true }"),
    "15:51: `alert` in services.api.tables.users.conflict is not in this version: remove it",
  ],
  "services.*.tables.*.conflict.strategy": [
    users("conflict: { strategy: last-write-wins }"),
    '15:38: services.api.tables.users.conflict.strategy: expected source-wins; the text "last-write-wins" is not in this version',
  ],
};

describe("keys of later versions", () => {
  test.each(laterKeys.map(({ path }) => path))("%s", (path) => {
    const [text, fault] = written[path] ?? ["", ""];
    expect(faultsOf(text)).toEqual({ code: "NOT_IN_THIS_VERSION", faults: [fault] });
  });

  test("beside another fault they are one of the faults", () => {
    const { code, faults } = faultsOf(users("conflict: { strategy: manual }, ddl: never"));
    expect(code).toBe("CONFIG_INVALID");
    expect(faults).toEqual([
      expect.stringContaining('strategy: expected source-wins; the text "manual" is not in this version'),
      expect.stringContaining('ddl: expected stop or follow, found the text "never"'),
    ]);
    expect(faultsOf(trading("values: debezium"), { ...env, SOURCE: "" }).code).toBe("CONFIG_INVALID");
  });

  test("a key is of a later version in its place only", () => {
    expect(faultsOf(trading("notifications: {}")).faults).toEqual([expect.stringContaining("unknown key `notifications`")]);
  });

  test("what this version does may be said", () => {
    expect(faultsOf(users("poison: park, ddl: stop, conflict: { strategy: source-wins }")).code).toBe("");
  });
});
