import { describe, expect, test } from "vitest";
import { lossText, slotLoss } from "../../../connectors/postgres/slot-loss.ts";
import type { Slot } from "../../../connectors/postgres/slot.ts";
import { sampleSlot } from "./sample-slot.ts";
import type { Tail } from "../../../connectors/postgres/start-checks.ts";

const tail: Tail = { commitLsn: 0x100n, sequence: 3, last: true, previous: 50n, systemIdentifier: "74", timeline: 1, event: undefined };

const slot: Slot = { ...sampleSlot, active: false, activePid: undefined, confirmedFlush: 0x100n, restart: 0x80n };

describe("slotLoss", () => {
  test.each<[string, Slot | undefined, Tail | undefined]>([
    ["a slot that stands where the topic ends", slot, tail],
    ["one that stands before it: what is between comes again", { ...slot, confirmedFlush: 0x90n }, tail],
    ["one that may be lost soon", { ...slot, walStatus: "unreserved" }, tail],
    ["no slot, before anything was opened", undefined, undefined],
    ["no slot, where `up` was interrupted", undefined, { ...tail, commitLsn: 0n, sequence: 0 }],
  ])("is none for %s", (_, of, end) => {
    expect(slotLoss(of, end)).toBeUndefined();
  });

  test.each<[string, Slot | undefined, string]>([
    ["missing", undefined, "the slot does not exist any more: what was committed after 0/100 is missing from the topic"],
    ["lost", { ...slot, walStatus: "lost" }, "WAL that the slot needed is gone: what was committed after 0/100 is missing from the topic"],
    ["lost", { ...slot, walStatus: "lost", invalidationReason: "wal_removed" }, "WAL that the slot needed is gone (wal_removed): "],
    ["moved", { ...slot, confirmedFlush: 0x101n }, "what was committed between 0/100 and 0/101 is missing from the topic"],
  ])("%s says what is missing, and the command that mends it", (word, of, text) => {
    const loss = slotLoss(of, tail);
    expect(loss?.word).toBe(word);
    expect(lossText(loss!, "trading")).toContain(text);
    expect(lossText(loss!, "trading")).toMatch(/; mend it with: offtake up --recover trading$/);
  });
});
