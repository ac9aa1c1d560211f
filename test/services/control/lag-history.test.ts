import { describe, expect, test } from "vitest";
import { historyColumns, historyLength, type HistorySample, LagHistory } from "../../../services/control/lag-history.ts";

function sample(value: number | null, appliedOffset: number | null = value): HistorySample {
  return {
    captureBytes: value,
    captureSeconds: value,
    applyBytes: value,
    applySeconds: value,
    applyEvents: value,
    retainedBytes: value,
    appliedOffset,
  };
}

describe("the history of a service", () => {
  test("is empty at first, and then has one value of each column for each time, oldest first", () => {
    const history = new LagHistory(4);
    expect(history.read().times).toEqual([]);
    history.add(10, sample(1));
    history.add(20, sample(2));
    expect(history.read()).toMatchObject({ times: [10, 20], captureBytes: [1, 2], retainedBytes: [1, 2] });
  });

  test("keeps the newest, in order, however many there were", () => {
    const history = new LagHistory(4);
    for (let at = 1; at <= 10; at += 1) {
      history.add(at, sample(at * 10));
      const { times, applyEvents } = history.read();
      const kept = Array.from({ length: Math.min(at, 4) }, (_, i) => at - Math.min(at, 4) + 1 + i);
      expect([times, applyEvents]).toEqual([kept, kept.map((each) => each * 10)]);
    }
  });

  test("has null for what was not known, and no value of the round before in its place", () => {
    const history = new LagHistory(2);
    for (const [at, value] of [
      [1, 5],
      [2, 6],
      [3, null],
    ] as const)
      history.add(at, sample(value));
    const read = history.read();
    for (const name of historyColumns.filter((each) => each !== "eventsPerSecond")) expect([name, read[name]]).toEqual([name, [6, null]]);
  });

  test("has the rate between two samples, and none across what was not known or went back", () => {
    const history = new LagHistory();
    const offsets = [100, 150, null, 170, 90, 110] as const;
    for (const [i, offset] of offsets.entries()) history.add(i * 10, sample(0, offset));
    expect(history.read().eventsPerSecond).toEqual([null, 5, null, null, null, 2]);
  });

  test("has an hour", () => {
    const history = new LagHistory();
    for (let at = 0; at < 1000; at += 1) history.add(at, sample(0));
    expect(history.read().times).toHaveLength(historyLength);
    expect(historyLength * 10).toBe(3600);
  });
});
