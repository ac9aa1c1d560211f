import { describe, expect, test } from "vitest";
import { openingStep } from "../../../connectors/postgres/open-topic.ts";
import { parseTimelineHistory } from "../../../connectors/postgres/replication-stream.ts";
import {
  beyondTail,
  checkReached,
  checkSource,
  checkTailEvent,
  isBeyond,
  type Tail,
  type TailEvent,
} from "../../../connectors/postgres/start-checks.ts";
import { slotGone } from "../../../connectors/postgres/slot-gone.ts";
import { sampleSlot } from "./sample-slot.ts";

const event: TailEvent = { lsn: "90", table: "public.trades", op: "u", key: "digest" };
const tail: Tail = { commitLsn: 100n, sequence: 3, last: true, previous: 50n, systemIdentifier: "74", timeline: 1, event };
const identity = { systemIdentifier: "74", timeline: 1, database: "shop" };

describe("checkSource", () => {
  test.each<[string, Partial<Tail>, Partial<typeof identity>, [number, bigint][], string | undefined]>([
    ["the same cluster and timeline go on", {}, {}, [], undefined],
    ["another cluster does not", {}, { systemIdentifier: "75" }, [], "SOURCE_IDENTITY_CHANGED"],
    ["not even on the same timeline and with a history", {}, { systemIdentifier: "75", timeline: 2 }, [[1, 200n]], "SOURCE_IDENTITY_CHANGED"],
    ["a promoted standby that had received the tail goes on", {}, { timeline: 2 }, [[1, 101n]], undefined],
    ["one that left just where the tail's commit begins had not received it", {}, { timeline: 2 }, [[1, 100n]], "TIMELINE_DIVERGED"],
    ["one that left before it had not either", {}, { timeline: 2 }, [[1, 99n]], "TIMELINE_DIVERGED"],
    [
      "two promotions later it is the tail's own timeline that counts",
      {},
      { timeline: 3 },
      [
        [1, 101n],
        [2, 50n],
      ],
      undefined,
    ],
    ["a timeline that does not descend from the tail's does not go on", { timeline: 2 }, { timeline: 3 }, [[1, 500n]], "TIMELINE_DIVERGED"],
    ["an older timeline than the tail's does not either", { timeline: 2 }, { timeline: 1 }, [], "TIMELINE_DIVERGED"],
  ])("%s", (_, changedTail, changedIdentity, history, code) => {
    const check = (): void =>
      checkSource(
        { ...tail, ...changedTail },
        { ...identity, ...changedIdentity },
        history.map(([timeline, endedAt]) => ({ timeline, endedAt })),
        "topic",
      );
    expect(codeOf(check)).toBe(code);
  });
});

function codeOf(check: () => void): string | undefined {
  try {
    check();
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
  return undefined;
}

describe("a slot and the topic's tail", () => {
  test.each<[bigint, bigint, boolean]>([
    [99n, 100n, false],
    [100n, 100n, false],
    [101n, 100n, true],
  ])("a slot confirmed up to %i is beyond a tail at %i: %s", (confirmedFlush, commitLsn, beyond) => {
    expect(isBeyond({ ...sampleSlot, confirmedFlush }, { ...tail, commitLsn })).toBe(beyond);
  });

  test("a slot whose stream begins with the confirmed transaction was confirmed by a connector: the topic has lost it", () => {
    expect(beyondTail(tail, { ...sampleSlot, confirmedFlush: 200n }, 200n, "topic").code).toBe("TOPIC_LOST_TAIL");
  });

  test.each([[201n], [undefined]])("a slot whose stream begins elsewhere (%s) was moved by somebody else", (first) => {
    expect(beyondTail(tail, { ...sampleSlot, confirmedFlush: 200n }, first, "topic").code).toBe("SLOT_MOVED");
  });
});

test.each<[bigint, string | undefined]>([
  [100n, undefined],
  [101n, undefined],
  [99n, "SOURCE_WENT_BACK"],
])("a tail at 100 of a source whose WAL ends at %i: %s", (flushed, code) => {
  expect(codeOf(() => checkReached(tail, flushed, "topic"))).toBe(code);
});

describe("checkTailEvent", () => {
  test("takes the same event again, and any where the topic has none yet", () => {
    expect(() => checkTailEvent(tail, { ...event }, "topic")).not.toThrow();
    expect(() => checkTailEvent({ ...tail, event: undefined }, event, "topic")).not.toThrow();
  });

  test("does not compare what the stream does not say: key and op under REPLICA IDENTITY FULL", () => {
    const { lsn, table } = event;
    expect(() => checkTailEvent(tail, { lsn, table }, "topic")).not.toThrow();
    expect(() => checkTailEvent(tail, { lsn: "91", table }, "topic")).toThrow(expect.objectContaining({ code: "TAIL_DIFFERS" }));
  });

  test.each<[keyof TailEvent, string]>([
    ["lsn", "91"],
    ["table", "public.positions"],
    ["op", "c"],
    ["key", "other"],
  ])("refuses one with another %s", (what, value) => {
    expect(() => checkTailEvent(tail, { ...event, [what]: value }, "topic")).toThrow(expect.objectContaining({ code: "TAIL_DIFFERS" }));
  });
});

describe("slotGone", () => {
  const where = { identity, history: [], slot: "offtake_trading", topic: "offtake.trading" };
  const promoted = { ...where, identity: { ...identity, timeline: 2 }, history: [{ timeline: 1, endedAt: 101n }] };

  test("says up to where the topic has what was committed, and whether the source was promoted", () => {
    expect(slotGone(tail, where)).toMatchObject({
      code: "SLOT_MISSING",
      message: "The slot offtake_trading is gone: the topic offtake.trading ends at 0/64, and what was committed after that is in no stream.",
    });
    expect(slotGone(tail, promoted)).toMatchObject({
      code: "SLOT_MISSING",
      message: expect.stringMatching(/^The source was promoted, from timeline 1 to 2 at 0\/65, and the slot offtake_trading did not come along: /),
      cure: expect.stringContaining("failover: true"),
    });
  });

  test("says first what else is wrong: another cluster, or a topic that is ahead of the standby", () => {
    expect(codeOf(() => slotGone({ ...tail, systemIdentifier: "75" }, where))).toBe("SOURCE_IDENTITY_CHANGED");
    expect(codeOf(() => slotGone({ ...tail, commitLsn: 101n }, promoted))).toBe("TIMELINE_DIVERGED");
  });
});

describe("openingStep", () => {
  const opening = { commitLsn: 0n, sequence: 0 };
  const names = { topic: "offtake.trading", slot: "offtake_trading" };

  test.each([
    ["a topic without a marker and no slot: both are opened", undefined, undefined, "open"],
    ["an opening marker and no slot: an earlier run was interrupted, and goes on", opening, undefined, "resume"],
    ["an opening marker and a slot, too", opening, sampleSlot, "resume"],
    ["events and a slot: nothing to do", tail, sampleSlot, "nothing"],
    ["events and no slot: the slot is gone, and the WAL that it held", tail, undefined, "gone"],
  ] as const)("%s", (_, found, slot, step) => {
    expect(openingStep(found, slot, names)).toBe(step);
  });

  test("a slot and a topic without a marker: the topic was made again, or somebody made the slot", () => {
    expect(() => openingStep(undefined, sampleSlot, names)).toThrow(expect.objectContaining({ code: "TOPIC_WITHOUT_TAIL" }));
  });
});

describe("parseTimelineHistory", () => {
  test.each<[string, string, [number, bigint][]]>([
    ["one promotion", "1\t0/3000000\tno recovery target specified\n", [[1, 0x300_0000n]]],
    [
      "two",
      "1\t0/3000000\treason\n\n2\t16/B374D848\tbefore 2026-11-21\n",
      [
        [1, 0x300_0000n],
        [2, 0x16_b374_d848n],
      ],
    ],
    ["comments", "# made by hand\n1\t0/3000000\treason", [[1, 0x300_0000n]]],
    ["an LSN with zeros in front", "1\t0/03000000\treason\n", [[1, 0x300_0000n]]],
    ["none", "", []],
  ])("reads a history of %s", (_, content, expected) => {
    expect(parseTimelineHistory(content)).toEqual(expected.map(([timeline, endedAt]) => ({ timeline, endedAt })));
  });
});
