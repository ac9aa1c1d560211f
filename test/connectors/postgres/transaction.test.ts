import { describe, expect, test } from "vitest";
import { type TailPosition, Transaction } from "../../../connectors/postgres/transaction.ts";

const names = { version: "0", name: "offtake", identity: { systemIdentifier: "74", timeline: 1, database: "d" } };

/** What becomes of a transaction's changes, each as its position and its count among the events, or a point where it is not published. */
function published(tail: TailPosition | undefined, changes: readonly ("event" | "left out")[], commitLsn = 100n): string {
  const transaction = new Transaction(names, tail);
  transaction.begin(commitLsn, 0n, 1, undefined);
  return changes
    .map((change) => {
      if (change === "left out") transaction.leaveOut();
      return change === "event" && transaction.advance() ? `${transaction.sequence}=${transaction.published}` : ".";
    })
    .join(" ");
}

describe("a transaction", () => {
  const tail = { commitLsn: 100n, sequence: 2, order: 2 };

  test.each<[string, TailPosition | undefined, ("event" | "left out")[], bigint, string]>([
    ["in a topic without events is published whole", undefined, ["event", "left out", "event"], 100n, "1=1 . 3=2"],
    ["behind the tail is, too", tail, ["event", "event"], 101n, "1=1 2=2"],
    ["before the tail is not", tail, ["event", "event", "event"], 99n, ". . ."],
    ["of which a part is there goes on behind it", tail, ["event", "event", "event"], 100n, ". . 3=3"],
    ["that is whole there does not", { ...tail, last: true }, ["event", "event", "event"], 100n, ". . ."],
    ["counts on from the tail, with a table that joined meanwhile", { ...tail, order: 1 }, ["event", "event", "event"], 100n, ". . 3=2"],
    ["and with one that left", tail, ["left out", "left out", "event"], 100n, ". . 3=3"],
    ["and by itself where the tail does not say", { commitLsn: 100n, sequence: 2 }, ["event", "event", "event"], 100n, ". . 3=3"],
  ])("%s", (_, of, changes, commitLsn, expected) => {
    expect(published(of, changes, commitLsn)).toBe(expected);
  });
});
