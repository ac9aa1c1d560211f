/** The short run of `npm run chaos -- fuzz`. */
import { describe, expect, test } from "vitest";
import { fuzz } from "./fuzz.ts";
import { outcomeOf } from "./fuzz-course.ts";
import { readersOf } from "./fuzzed-readers.ts";

test("bytes that nobody has written are refused with a code, or mean what another reader says", async () => {
  const { readers, wrong, excessBytes, excessHeapBytes } = await fuzz(30_000, 1);
  expect({ wrong, excessBytes, excessHeapBytes }).toEqual({ wrong: [], excessBytes: 0, excessHeapBytes: 0 });
  expect(Object.keys(readers)).toEqual(["pgoutput", "record-batch", "event"]);
  for (const { refused, understood } of Object.values(readers)) {
    expect(refused + understood).toBe(10_000);
    expect(Math.min(refused, understood)).toBeGreaterThan(300);
  }
});

test("what somebody has written is understood, all of it", () => {
  for (const reader of readersOf(1)) {
    const outcomes = reader.samples.map((bytes, sample) => outcomeOf(reader, bytes, sample));
    expect(new Set(outcomes)).toEqual(new Set(["understood"]));
  }
});

describe("a reader is found, and its input named, that", () => {
  test.each([
    ["hangs", /^input \d+, of reader 0, \w+: did not come back in 2 s$/],
    ["is slow", /^is slow \w+: took \d{4} ms$/],
    ["takes the heap", /^$/],
    ["takes memory outside of it", /^$/],
    ["has no code", /^has no code \w+: failed without a code: Error: no code$/],
    ["misreads", /^misreads \w+: understood as something else$/],
    ["reads what is nothing", /^reads what is nothing \w+: understood, and is nothing: Error: nothing$/],
    ["refuses everything from then on", /^refuses everything from then on \w+, which somebody has written: refused after all others$/],
  ])("%s", async (only, words) => {
    const { wrong, excessBytes, excessHeapBytes } = await fuzz(5, 1, {
      readers: new URL("./faulty-readers.ts", import.meta.url),
      only,
      patienceMs: only === "hangs" ? 2000 : 60_000,
    });
    expect(wrong[0] ?? "").toMatch(words);
    expect([excessHeapBytes > 0, excessBytes > 0]).toEqual([only === "takes the heap", only === "takes memory outside of it"]);
  });
});
