import { describe, expect, test } from "vitest";
import { changed, env, faultsOf, read } from "./sample-configuration.ts";

const monolith = "postgres://offtake:hidden@localhost:5432/shop";

function faults(...changes: [string, string][]): string[] {
  return faultsOf(changed(...changes), { ...env, SOURCE: monolith, TRADING: monolith.replace("localhost", "127.0.0.1") }).faults;
}

const own = (entry: string) =>
  `9:20: services.trading-engine.target.url: this is the monolith's own database, in which \`${entry}\` goes to a table of the monolith: each change would bring about the next; give the service a database of its own`;

test("the control database is not the monolith's", () => {
  expect(faultsOf(changed(), { ...env, SOURCE: monolith, CONTROL: "postgres://other@127.0.0.1/shop" }).faults).toEqual([
    "16:17: control.url: this is the monolith's own database: give Offtake a database of its own",
  ]);
  expect(read(changed(), { ...env, CONTROL: env.TRADING }).control.url.reveal()).toBe(env.TRADING);
});

describe("a service whose target is the monolith itself", () => {
  test.each([
    ["a table that goes to itself", "[trades, positions]", "trades"],
    ["a pattern", '["ai_*"]', "ai_*"],
    ["a table that goes to another service's", "{ trades: { target: users } }", "trades"],
    ["a table that goes to what a pattern matches", '{ trades: { target: desk.x }, "desk.*": null }', "trades"],
  ])("is refused: %s", (_, tables, entry) => {
    expect(faults(["[trades, positions]", tables])).toEqual([own(entry)]);
  });

  test("may have tables of other names", () => {
    const text = changed(["[trades, positions]", "{ trades: { target: desk.trades } }"]);
    expect(read(text, { ...env, SOURCE: monolith, TRADING: monolith }).services).toHaveLength(2);
  });

  test("may have another schema", () => {
    const text = changed(["target: { url: env:TRADING }", "target: { url: env:TRADING, schema: desk }"]);
    expect(read(text, { ...env, SOURCE: monolith, TRADING: monolith }).services[0]?.target.schema).toBe("desk");
  });
});
