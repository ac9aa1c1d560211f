import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { changed, faultsOf, read } from "./sample-configuration.ts";

const withConnectors = (connectors: string, ...changes: [string, string][]) =>
  changed(...changes, ["services:\n", `connectors:\n${connectors}services:\n`]);

describe("connectors", () => {
  test.each<[string, string, string[]]>([
    [
      "a service that does not exist",
      withConnectors("  a: { service: trading }\n  b: { service: api }\n"),
      [
        "8:17: connectors.a.service: there is no service `trading`",
        "11:3: no connector has `service: trading-engine`; add one, or leave out `connectors` for one each",
      ],
    ],
    [
      "a service whose name is misspelled",
      withConnectors("  a: { service: trading-engin }\n  b: { service: api }\n"),
      [
        "8:17: connectors.a.service: there is no service `trading-engin`: did you mean `trading-engine`?",
        "11:3: no connector has `service: trading-engine`; add one, or leave out `connectors` for one each",
      ],
    ],
    [
      "a service without one",
      withConnectors("  a: { service: api }\n"),
      ["10:3: no connector has `service: trading-engine`; add one, or leave out `connectors` for one each"],
    ],
    [
      "a service with two",
      withConnectors("  a: { service: api }\n  b: { service: trading-engine }\n  c: { service: api }\n"),
      ["10:17: connectors.c.service: connectors.a reads for `api` already; a service has one connector"],
    ],
    [
      "one slot",
      withConnectors("  a: { service: api, slot: s }\n  b: { service: trading-engine, slot: s }\n"),
      ["9:39: connectors.b: connectors.a has the slot `s` already"],
    ],
    [
      "one slot, by default",
      withConnectors("  a: { service: api }\n  b: { service: trading-engine, slot: offtake_api }\n"),
      ["9:39: connectors.b: connectors.a has the slot `offtake_api` already"],
    ],
    [
      "one publication",
      withConnectors("  a: { service: api, publication: p }\n  b: { service: trading-engine, publication: p }\n"),
      ["9:46: connectors.b: connectors.a has the publication `p` already"],
    ],
    [
      "a slot that PostgreSQL refuses",
      withConnectors("  a: { service: api, slot: Offtake-API }\n  b: { service: trading-engine }\n"),
      [
        '8:28: connectors.a.slot: expected a slot name of lower-case letters, digits and underscores, at most 63, as PostgreSQL takes them, found the text "Offtake-API"',
      ],
    ],
    [
      "a publication that PostgreSQL would cut short",
      withConnectors(`  a: { service: api, publication: ${"é".repeat(32)} }\n  b: { service: trading-engine }\n`),
      [`8:35: the publication \`${"é".repeat(32)}\` is longer than PostgreSQL's 63 bytes`],
    ],
    [
      "a fault of its own: the service may be the one that is missed",
      withConnectors("  a: { service: api }\n  b: { service: 7 }\n"),
      ["9:17: connectors.b.service: expected the name of a service, found the number 7; in quotes it is a text"],
    ],
    [
      "a name that Kafka refuses",
      withConnectors("  a b: { service: api }\n  c: { service: trading-engine }\n"),
      ["8:3: connectors: expected a name of letters, digits, hyphens, underscores and dots, as Kafka takes them for topics, found `a b`"],
    ],
    [
      "nothing below: what would be so by default is not judged",
      withConnectors("", ["  api:", "  API:"]),
      ["7:1: connectors: expected a mapping from connectors to their settings, found nothing"],
    ],
  ])("%s", (_, text, faults) => expect(faultsOf(text)).toEqual({ code: "CONFIG_INVALID", faults }));

  test("left out: one for each service", () => {
    // So long that slot and publication are names that PostgreSQL takes.
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z][a-z0-9_-]{0,54}$/), (name) => {
        const named = name.replaceAll("-", "_");
        const connector = { name, service: name, slot: `offtake_${named}`, publication: `${named}_pub`, failover: false, heartbeatEveryMs: 10_000 };
        expect(read(changed(["  api:", `  "${name}":`])).connectors).toContainEqual(connector);
      }),
    );
  });

  test("left out: a service whose slot PostgreSQL would refuse", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9_.-]{0,20}[A-Z.][a-z0-9_.-]{0,20}$/), (name) => {
        expect(faultsOf(changed(["  api:", `  "${name}":`])).faults).toEqual([expect.stringMatching(/^11:3: the slot would be called/)]);
      }),
    );
    expect(faultsOf(changed(["  api:", `  ${"x".repeat(56)}:`])).faults).toHaveLength(1);
  });

  test("left out: two services that would share a slot", () => {
    const { faults } = faultsOf(changed(["  api:", "  trading_engine:"]));
    expect(faults).toEqual([
      "11:3: services.trading_engine: services.trading-engine has the slot `offtake_trading_engine` already",
      "11:3: services.trading_engine: services.trading-engine has the publication `trading_engine_pub` already",
    ]);
  });
});
