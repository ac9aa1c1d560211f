import { describe, expect, test } from "vitest";
import { slotHealth } from "../../../connectors/postgres/slot-health.ts";
import type { Slot } from "../../../connectors/postgres/slot.ts";
import { sampleSlot } from "./sample-slot.ts";

const gibibyte = 1 << 30;

function health(changed: Partial<Slot>, budget = 10 * gibibyte) {
  return slotHealth({ ...sampleSlot, ...changed }, budget);
}

describe("slotHealth", () => {
  test.each<[string, Partial<Slot>, string, boolean]>([
    ["one that is read and holds little WAL is ok", {}, "ok", false],
    ["one that nobody reads is inactive", { active: false, activePid: undefined }, "inactive", false],
    ["one at half of its budget holds a lot", { retainedBytes: 5 * gibibyte }, "retaining", false],
    ["one just below half is ok", { retainedBytes: 5 * gibibyte - 1 }, "ok", false],
    ["one at four fifths of its budget wakes somebody", { retainedBytes: 8 * gibibyte }, "over-budget", true],
    ["one far beyond its budget, too", { retainedBytes: 800 * gibibyte }, "over-budget", true],
    ["how much it holds says more than that nobody reads it", { active: false, retainedBytes: 8 * gibibyte }, "over-budget", true],
    ["one whose WAL may go at the next checkpoint wakes somebody whatever its budget", { walStatus: "unreserved" }, "unreserved", true],
    ["one beyond max_wal_size is only as bad as its budget says", { walStatus: "extended", retainedBytes: gibibyte }, "ok", false],
    ["one whose WAL is gone is lost", { walStatus: "lost", restart: undefined, active: false }, "lost", true],
  ])("%s", (_, changed, word, page) => {
    expect(health(changed)).toMatchObject({ word, page });
  });

  test.each<[string, Partial<Slot>, Partial<Slot>, string]>([
    ["that waits for its standbys since the last look, and got no further, is held", { heldBack: true }, { heldBack: true }, "held"],
    ["that has got further meanwhile is ok", { heldBack: true, confirmedFlush: 99n }, { heldBack: true }, "ok"],
    ["that waits only now is ok", {}, { heldBack: true }, "ok"],
    ["that waited then is ok", { heldBack: true }, {}, "ok"],
  ])("one %s", (_, before, now, word) => {
    expect(slotHealth({ ...sampleSlot, ...now }, 10 * gibibyte, { ...sampleSlot, ...before }).word).toBe(word);
  });

  test("one that does not exist is missing", () => {
    expect(slotHealth(undefined, gibibyte)).toEqual({ word: "missing", reason: "the slot does not exist", page: true });
  });

  test("says nothing of a slot that is well, and how much WAL it is of any other", () => {
    expect(health({}).reason).toBe("");
    expect(health({ retainedBytes: 5 * gibibyte }).reason).toBe("5120 MiB of WAL kept, budget 10240 MiB");
    expect(health({ walStatus: "lost", invalidationReason: "wal_removed" }).reason).toContain("(wal_removed)");
  });
});
