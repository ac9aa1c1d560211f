import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { newestOf, patchOf, tellerOf } from "../../../services/control/api-events.ts";
import type { ShownStatus } from "../../../services/control/operations.ts";

test("a listener that reads nothing is cut, and is not told on into memory", () => {
  const stuck = new Writable({ write: () => {}, decodeStrings: false });
  const tell = tellerOf(stuck);
  for (let told = 0; told < 100 && !stuck.destroyed; told += 1) tell("x".repeat(1 << 20));
  expect([stuck.destroyed, stuck.writableLength <= 7 << 20]).toEqual([true, true]);
});

test("one on a slow line has time for its first message, however large, and is told what has changed meanwhile", () => {
  const slow = new Writable({ write: () => {}, decodeStrings: false });
  const tell = tellerOf(slow);
  tell("x".repeat(7 << 20));
  for (let told = 0; told < 20; told += 1) tell("x".repeat(50 << 10));
  expect(slow.destroyed).toBe(false);
  for (let told = 0; told < 100; told += 1) tell("x".repeat(50 << 10));
  expect(slow.destroyed).toBe(true);
});

test("one that reads is told everything", () => {
  const heard: string[] = [];
  const reading = new Writable({
    decodeStrings: false,
    write: (text: string, _, done) => {
      heard.push(text);
      done();
    },
  });
  const tell = tellerOf(reading);
  for (let told = 0; told < 10; told += 1) tell(String(told).repeat(1 << 20));
  expect([heard.map((text) => text[0]).join(""), reading.destroyed]).toEqual(["0123456789", false]);
});

function statusOf(services: readonly object[], rest: Partial<ShownStatus> = {}): ShownStatus {
  return {
    at: "2026-01-01T00:00:00.000Z",
    services: services.map((each) => ({ service: "a", connector: "c", ...each })),
    units: [],
    validation: null,
    ...rest,
  };
}

test("a patch has of each service that has changed its name and what has, and nothing of the others", () => {
  const tables = Array.from({ length: 200 }, (_, i) => ({ table: `public.t${i}`, verdict: "equal" }));
  const before = statusOf([
    { lag: 1, reconciliations: tables },
    { service: "b", lag: 1 },
  ]);
  const after = statusOf(
    [
      { lag: 2, reconciliations: tables },
      { service: "b", lag: 1 },
    ],
    { at: "2026-01-01T00:00:01.000Z" },
  );
  expect(patchOf(before, after)).toEqual({ at: "2026-01-01T00:00:01.000Z", services: [{ service: "a", lag: 2 }] });
  expect(patchOf(before, { ...before, at: after.at })).toBeUndefined();
  expect(patchOf(before, { ...after, services: [...after.services, { service: "new", connector: "d" }] })).toMatchObject({
    services: [{ service: "a" }, { service: "new", connector: "d" }],
  });
  expect(
    patchOf(
      before,
      statusOf(
        [
          { lag: 1, reconciliations: tables },
          { service: "b", lag: 1 },
        ],
        { validation: { ok: true } },
      ),
    ),
  ).toMatchObject({
    services: [],
    validation: { ok: true },
  });
});

test.each([
  ["all of a few", [3, 3, 3], 3],
  ["the newest three hundred of many", Array.from({ length: 301 }, () => 3), 300],
  ["the newest of long ones, as many as are 16 MB", [10, 9 << 20, 9 << 20, 3], 2],
  ["all that are 16 MB together, to the byte", [8 << 20, 8 << 20], 2],
  ["nothing, where the newest alone is longer: who comes back then is told everything", [3, (16 << 20) + 1], 0],
])("what is kept for those who come back is %s", (_, lengths, count) => {
  const messages = lengths.map((length, number) => ({ number, text: "x".repeat(length) }));
  expect(newestOf(messages)).toEqual(count === 0 ? [] : messages.slice(-count));
});
