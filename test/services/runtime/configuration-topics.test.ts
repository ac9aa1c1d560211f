import { describe, expect, test } from "vitest";
import { changed, faultsOf } from "./sample-configuration.ts";

describe("topics", () => {
  test.each<[string, string, string[]]>([
    [
      "a service that Kafka refuses",
      changed(["  api:", "  api/v1:"]),
      [
        "11:3: services: expected a name of letters, digits, hyphens, underscores and dots, as Kafka takes them for topics, found `api/v1`",
        "11:3: the slot would be called `offtake_api/v1`: expected a slot name of lower-case letters, digits and underscores, at most 63, as PostgreSQL takes them; set `slot` in `connectors`",
      ],
    ],
    [
      "a prefix that Kafka refuses",
      changed(["  brokers:", "  topicPrefix: off take\n  brokers:"]),
      [
        '5:16: kafka.topicPrefix: expected a name of letters, digits, hyphens, underscores and dots, as Kafka takes them for topics, found the text "off take"',
      ],
    ],
    [
      "a topic that is too long",
      changed(["  brokers:", `  topicPrefix: ${"x".repeat(200)}\n  brokers:`], ["  api:", `  ${"y".repeat(50)}:`]),
      [`12:3: the topic ${"x".repeat(200)}.${"y".repeat(50)} is longer than Kafka's 249 characters`],
    ],
    [
      "two topics that Kafka takes for one",
      changed(
        ["  trading-engine:", "  a.b:"],
        ["  api:", "  a_b:"],
        ["services:\n", "connectors: { x: { service: a.b, slot: x, publication: x }, y: { service: a_b } }\nservices:\n"],
      ),
      ["12:3: the topic offtake.a_b differs from that of services.a.b only in . and _, which Kafka refuses"],
    ],
    [
      "a topic of dead letters that is another service's",
      changed(
        ["  trading-engine:", "  api.dead-letters:"],
        ["  api:", "  api:\n    deadLetterTopic: true"],
        ["services:\n", "connectors: { x: { service: api.dead-letters, slot: x, publication: x }, y: { service: api } }\nservices:\n"],
      ),
      ["12:3: the topic offtake.api.dead-letters is one of services.api.dead-letters, too"],
    ],
  ])("%s", (_, text, faults) => expect(faultsOf(text)).toEqual({ code: "CONFIG_INVALID", faults }));
});
