import { describe, expect, test } from "vitest";
import { Junction } from "../../../connectors/postgres/junction.ts";
import type { Tail, TailEvent } from "../../../connectors/postgres/start-checks.ts";
import { Transaction } from "../../../connectors/postgres/transaction.ts";

const event: TailEvent = { lsn: "90", table: "public.trades", op: "u", key: "digest" };
const read: TailEvent = { ...event, op: "r" };
const tail: Tail = { commitLsn: 100n, sequence: 3, last: true, previous: 50n, systemIdentifier: "74", timeline: 1, event };

type Step = { begin: bigint } | "event" | "left out" | "commit";

/** Plays a stream against a tail. @returns the sequences that were published of each transaction, or the code of the error */
function play(of: Partial<Tail>, steps: readonly Step[], again: TailEvent = event): string {
  const junction = new Junction({ ...tail, ...of }, "topic");
  const names = { version: "0", name: "offtake", identity: { systemIdentifier: "74", timeline: 1, database: "d" } };
  const transaction = new Transaction(names, junction.tail);
  const published: string[] = [];
  try {
    for (const step of steps)
      if (step === "commit") junction.commit(transaction);
      else if (step === "left out") transaction.leaveOut();
      else if (step !== "event") {
        junction.begin(step.begin);
        transaction.begin(step.begin, 0n, 1, undefined);
      } else if (transaction.advance()) {
        published.push(`${transaction.commitLsn}:${transaction.sequence}`);
      } else if (junction.isTail(transaction)) junction.recognise(again);
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
  return published.join(" ");
}

const three: Step[] = [{ begin: 100n }, "event", "event", "event", "commit"];
const next: Step[] = [{ begin: 200n }, "event", "commit"];

describe("Junction", () => {
  test.each<[string, Partial<Tail>, Step[], string]>([
    ["what is behind a whole tail is published", {}, [...three, ...next], "200:1"],
    ["transactions before the tail come again and are not", {}, [{ begin: 90n }, "event", "commit", ...three, ...next], "200:1"],
    ["the rest of a transaction of which a part is there is published", { last: false, sequence: 2 }, [...three, ...next], "100:3 200:1"],
    [
      "changes that became no event count as well",
      { sequence: 4 },
      [{ begin: 100n }, "left out", "event", "event", "event", "commit", ...next],
      "200:1",
    ],
    ["changes that become no event may follow on the last", {}, [...three.slice(0, -1), "left out", "commit", ...next], "200:1"],
    ["what is behind rows that were read beside the stream is published", { sequence: 9, xid: 1, event: read }, [...three, ...next], "200:1"],
    ["and where a marker does not say which transaction they are behind", { sequence: 9, event: read }, [...three, ...next], "200:1"],
    ["nothing, when they are behind another transaction", { sequence: 9, xid: 2, event: read }, [...three, ...next], "TAIL_DIFFERS"],
    ["everything is published where a new slot was created", { sequence: 0, event: undefined }, [...three, ...next], "100:1 100:2 100:3 200:1"],
    ["even what commits just there", { sequence: 0, commitLsn: 200n, event: undefined }, next, "200:1"],
    ["nothing, when the tail's transaction does not come before the next", {}, next, "TAIL_DIFFERS"],
    ["nothing, when it has only come before", {}, [{ begin: 90n }, "event", "commit", ...next], "TAIL_DIFFERS"],
    ["nothing, when it comes again with fewer events", {}, [{ begin: 100n }, "event", "event", "commit"], "TAIL_DIFFERS"],
    [
      "nothing of what comes behind its last: a table that is the service's only now",
      {},
      [...three.slice(0, -1), "event", "commit", ...next],
      "200:1",
    ],
    [
      "it is whole although a table of it is no longer the service's",
      {},
      [{ begin: 100n }, "event", "left out", "left out", "commit", ...next],
      "200:1",
    ],
    ["nothing, when it was to go on and does not", { last: false }, three, "TAIL_DIFFERS"],
    [
      "nothing, when it was to go on and only what is left out follows",
      { last: false },
      [...three.slice(0, -1), "left out", "commit"],
      "TAIL_DIFFERS",
    ],
  ])("%s", (_, of, steps, expected) => {
    expect(play(of, steps)).toBe(expected);
  });

  test("has joined when the tail's transaction has come again whole, and not before", () => {
    const junction = new Junction(tail, "topic");
    const names = { version: "0", name: "offtake", identity: { systemIdentifier: "74", timeline: 1, database: "d" } };
    const transaction = new Transaction(names, tail);
    const seen: boolean[] = [];
    for (const commitLsn of [90n, 100n]) {
      junction.begin(commitLsn);
      transaction.begin(commitLsn, 0n, 1, undefined);
      for (let i = 0; i < 3; i += 1) transaction.advance();
      seen.push(junction.joined);
      junction.commit(transaction);
      seen.push(junction.joined);
    }
    expect(seen).toEqual([false, false, false, true]);
    expect(new Junction({ ...tail, sequence: 0 }, "topic").joined).toBe(true);
  });

  test("nothing, when the event at the tail's position is another one", () => {
    expect(play({}, [...three, ...next], { ...event, table: "public.positions" })).toBe("TAIL_DIFFERS");
  });
});

test("rows that are read beside the stream go on behind what is there, of the tail's own transaction too", () => {
  const names = { version: "0", name: "offtake", identity: { systemIdentifier: "74", timeline: 1, database: "d" } };
  const transaction = new Transaction(names, undefined);
  const behind = (of: Partial<Tail>): number => new Junction({ ...tail, ...of }, "topic").sequenceBehind(transaction);
  transaction.begin(100n, 0n, 1, undefined);
  transaction.advance();
  expect([behind({ sequence: 9 }), behind({ sequence: 1 }), behind({ sequence: 9, commitLsn: 90n })]).toEqual([9, 1, 1]);
});

test.each<[string, Partial<Tail>, bigint | undefined]>([
  ["the transaction before the tail's own, which comes again", {}, 50n],
  ["nothing, where a new slot was created", { sequence: 0, previous: undefined, event: undefined }, undefined],
  ["the end of a gap that was recovered", { sequence: 0, event: undefined }, 100n],
])("what comes first follows on %s", (_, of, previous) => {
  expect(new Junction({ ...tail, ...of }, "topic").previous).toBe(previous);
});
