import { expect, test } from "vitest";
import { goneText, lossText, slotHealth, slotsWorstFirst } from "../../../../services/control/dashboard/slot-order.ts";
import { shownService, wellSlot } from "./shown-services.ts";

test("slots in danger are first, then those that keep most of their budget", () => {
  const slots = [
    { ...wellSlot, name: "quiet" },
    { ...wellSlot, name: "full", retainedBytes: wellSlot.budgetBytes * 0.4 },
    { ...wellSlot, name: "lost", word: "lost", page: true },
    { ...wellSlot, name: "away", word: "unknown", page: true, retainedBytes: null },
    { ...wellSlot, name: "alone", word: "inactive" },
    { ...wellSlot, name: "also quiet" },
  ];
  expect(slotsWorstFirst(slots.map((slot) => shownService({ slot }))).map(({ slot }) => slot.name)).toEqual([
    "away",
    "lost",
    "alone",
    "full",
    "also quiet",
    "quiet",
  ]);
  expect(slots.map((slot) => slotHealth(slot).level)).toEqual(["ok", "ok", "page", "page", "warning", "ok"]);
});

test("a slot that is no more has no figures", () => {
  expect(["lost", "missing", "ok", "inactive"].map((word) => goneText({ word }))).toEqual([
    "nothing: the slot is lost",
    "nothing: there is no slot",
    undefined,
    undefined,
  ]);
});

test("the time to loss is said only where there is one", () => {
  const growing = { ...wellSlot, safeBytes: 1000, growthBytesPerSecond: 10, secondsToLoss: 100 };
  expect(lossText(growing)).toBe("1 min 40 s");
  expect(lossText({ ...growing, growthBytesPerSecond: 0, secondsToLoss: null })).toBe("does not grow");
  expect(lossText({ ...growing, growthBytesPerSecond: null, secondsToLoss: null })).toBe("unknown");
  expect(lossText({ ...growing, safeBytes: null, secondsToLoss: null })).toBe("never: the disk fills first");
  expect(lossText({ ...growing, retainedBytes: null })).toBe("unknown");
  expect([lossText({ ...growing, word: "lost" }), lossText({ ...growing, word: "missing" })]).toEqual(["lost", "lost"]);
});
