/** The short run of `npm run chaos -- fuzz`. */
import { expect, test } from "vitest";
import { fuzz, outcomeOf } from "./fuzz.ts";
import { eventReader, pgoutputReader, recordBatchReader } from "./fuzzed-readers.ts";

test("bytes that nobody has written are refused with a code, or mean what another reader says", () => {
  const { readers, wrong, excessBytes } = fuzz(30_000, 1);
  expect({ wrong, excessBytes }).toEqual({ wrong: [], excessBytes: 0 });
  expect(Object.keys(readers)).toEqual(["pgoutput", "record-batch", "event"]);
  for (const { refused, understood } of Object.values(readers)) {
    expect(refused + understood).toBe(10_000);
    expect(Math.min(refused, understood)).toBeGreaterThan(500);
  }
});

test("what somebody has written is understood, all of it", () => {
  for (const reader of [pgoutputReader(1), recordBatchReader(1), eventReader(1)]) {
    const outcomes = reader.samples.map((bytes, sample) => outcomeOf(reader, bytes, sample));
    expect(new Set(outcomes)).toEqual(new Set(["understood"]));
  }
});
