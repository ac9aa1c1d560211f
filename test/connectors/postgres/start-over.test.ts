import { expect, test } from "vitest";
import { unpublishedCure } from "../../../connectors/postgres/replication-stream.ts";
import { withStartOver } from "../../../connectors/postgres/start-over.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";

const names = { connector: "o'trading", service: "trading", slot: "offtake_trading", topic: "offtake.trading", brokers: ["a:9092", "b:9092"] };

test("an error that ends a topic gets the commands of starting over behind its cure, and keeps what it says", () => {
  const cause = new Error("why");
  const found = withStartOver(new OfftakeError("TAIL_DIFFERS", "It differs.", { cure: "Copy again.", cause }), names);
  expect(found).toMatchObject({ code: "TAIL_DIFFERS", message: "It differs.", cause });
  expect(found.cure).toMatch(/^Copy again\. Starting over: stop connector and applier; /);
  for (const part of [
    "slot_name = 'offtake_trading';",
    "kafka-topics.sh --bootstrap-server a:9092,b:9092 --delete --if-exists --topic offtake.trading;",
    "WHERE connector = 'o''trading';",
    "`offtake snapshot start trading`",
    "docs/mishaps.md",
  ])
    expect(found.cure).toContain(part);
});

test.each(["SLOT_MISSING", "SLOT_LOST", "SLOT_MOVED"] as const)("%s gets the one command that makes a new slot: the topic is what it was", (code) => {
  const { cure } = withStartOver(new OfftakeError(code, "It is so.", { cure: "Why." }), { ...names, connector: "trading" });
  expect(cure).toMatch(/^Why\. `offtake up --recover trading` makes a new slot /);
  expect(cure).not.toContain("Starting over");
});

test("that of a slot that no later publication helps, which shares its code with others, gets the commands of starting over", () => {
  expect(withStartOver(new OfftakeError("STREAM_REFUSED", "It ended.", { cure: unpublishedCure }), names).cure).toContain("Starting over: ");
});

test.each(["SOURCE_UNREACHABLE", "SOURCE_IN_RECOVERY", "SLOT_IN_USE", "STREAM_REFUSED", "PUBLICATION_DIFFERS", "APPLIED_POSITION_MOVED"] as const)(
  "%s stays as it is: nothing has to be thrown away for it",
  (code) => {
    const error = new OfftakeError(code, "It is so.", { cure: "Wait." });
    expect(withStartOver(error, names)).toBe(error);
  },
);
