import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  connectorHealth,
  controlHealth,
  levels,
  monolithHealth,
  targetHealth,
  topicHealth,
  unitHealth,
  worst,
} from "../../../../services/control/dashboard/health.ts";
import type { ShownService } from "../../../../services/control/dashboard/shown-status.ts";
import { report, shownService, wellSlot } from "./shown-services.ts";

const ok = { word: "ok", level: "ok", reason: "" };
const cure = "";
const pass = { table: "public.a", verdict: "equal", level: "detailed", finishedAt: "", mismatches: 0, lastCleanAt: null, lastPassAt: null };
const copy = {
  table: "public.a",
  state: "copying",
  reason: "never copied",
  rows: 1,
  estimatedRows: null,
  rowsPerSecond: null,
  secondsLeft: null,
  waitsFor: null,
  error: null,
  verifiedAt: null,
};

describe("a unit", () => {
  test.each([
    ["works where one of its processes does", [report({ ready: false, reason: "stands by" }), report()], ok],
    ["has stopped where no process runs it", [], { word: "stopped", level: "page", reason: "no process runs it" }],
    [
      "has stopped where its process says nothing any more",
      [report({ ageSeconds: 31 })],
      { word: "stopped", level: "page", reason: "host 7 has said nothing for 31 s" },
    ],
    [
      "fails for the reason that it says",
      [report({ ready: false, reason: "TARGET_BUSY: …" }), report({ ageSeconds: 90 })],
      { word: "failing", level: "page", reason: "TARGET_BUSY: …" },
    ],
  ] as const)("%s", (_, reports, health) => {
    expect(unitHealth(reports, [])).toEqual(health);
  });

  test("is not known to have stopped where the control database cannot be asked, whatever was kept from before", () => {
    const unreported = { word: "unreported", level: "warning", reason: "the control database cannot be asked what the processes do" };
    const errors = [{ code: "CONTROL_UNREACHABLE", message: "m", cure }];
    expect([unitHealth(null, []), unitHealth([], errors), unitHealth([report({ ageSeconds: 90 })], errors)]).toEqual([
      unreported,
      unreported,
      unreported,
    ]);
    expect([connectorHealth(shownService(), null), targetHealth(shownService(), null)]).toEqual([unreported, unreported]);
    expect([connectorHealth(shownService({ errors }), []), targetHealth(shownService({ errors }), [])]).toEqual([unreported, unreported]);
  });
});

describe("a connector", () => {
  test.each([
    ["is ok", {}, [report()], ok],
    [
      "has stopped, and its slot says no more than that",
      { slot: { ...wellSlot, word: "inactive", active: false, reason: "no connector reads it" } },
      [],
      { word: "stopped", level: "page" },
    ],
    ["reads, and nobody says so", {}, [], { word: "unreported", level: "warning" }],
    [
      "has lost its slot",
      { slot: { ...wellSlot, word: "lost", page: true, active: false, reason: "WAL is gone" } },
      [],
      { word: "lost", level: "page", reason: "WAL is gone" },
    ],
    ["keeps much WAL", { slot: { ...wellSlot, word: "retaining", reason: "6000 MiB" } }, [report()], { word: "retaining", level: "warning" }],
    [
      "cannot reach the monolith",
      { errors: [{ code: "SOURCE_UNREACHABLE", message: "no answer", cure }] },
      [report()],
      { word: "unreachable", level: "page", reason: "no answer" },
    ],
  ] as const)("%s", (_, changed, reports, health) => {
    expect(connectorHealth(shownService(changed), reports)).toMatchObject(health);
  });
});

describe("a target", () => {
  const cases: readonly (readonly [string, Partial<ShownService>, object])[] = [
    ["is ok", {}, ok],
    ["is paused", { paused: { by: "ada", since: "" } }, { word: "paused", level: "note", reason: "by ada" }],
    ["is behind", { lag: { capture: { bytes: 0, seconds: 0 }, apply: { bytes: 1, seconds: 301, events: 1 } } }, { word: "behind", level: "warning" }],
    [
      "is not behind while it is paused",
      { paused: { by: "ada", since: "" }, lag: { capture: { bytes: 0, seconds: 0 }, apply: { bytes: 1, seconds: 301, events: 1 } } },
      { word: "paused" },
    ],
    [
      "has wrong rows",
      { reconciliations: [{ ...pass, verdict: "mismatch", mismatches: 3 }] },
      { word: "mismatch", level: "warning", reason: "public.a: 3 wrong" },
    ],
    ["has too many wrong rows", { reconciliations: [{ ...pass, verdict: "too-divergent" }] }, { word: "mismatch", level: "warning" }],
    ["has an alert", { alerts: [{ table: "public.a", kind: "mismatch", detail: "3 wrong.", raisedAt: "" }] }, { word: "mismatch", level: "page" }],
    ["was not proven", { alerts: [{ table: "public.a", kind: "overdue", detail: "…", raisedAt: "" }] }, { word: "unproven", level: "warning" }],
    ["is behind its limit", { alerts: [{ table: "public.a", kind: "lag", detail: "…", raisedAt: "" }] }, { word: "behind", level: "page" }],
    [
      "has dead letters",
      { parked: [{ table: "public.a", keys: 1, deadLetters: 2 }] },
      { word: "dead letters", level: "warning", reason: "public.a: 2 for 1 parked key" },
    ],
    ["lacks a copy", { needsCopy: [{ table: "public.a", reason: "never copied" }] }, { word: "not copied", level: "warning" }],
    [
      "is being copied",
      { needsCopy: [{ table: "public.a", reason: "never copied" }], copies: [copy] },
      { word: "copying", level: "note", reason: "public.a" },
    ],
    [
      "is to get a copy that is in the topic",
      { needsCopy: [{ table: "public.a", reason: "never copied" }], copies: [{ ...copy, state: "copied" }] },
      { word: "copying", level: "note", reason: "public.a (on its way to the target)" },
    ],
    [
      "lacks what was marked anew since",
      { needsCopy: [{ table: "public.a", reason: "the slot was lost" }], copies: [{ ...copy, state: "copied" }] },
      { word: "not copied", level: "warning", reason: "public.a: the slot was lost" },
    ],
    [
      "has a copy that failed",
      { copies: [{ ...copy, state: "failed", error: "no key" }] },
      { word: "copy failed", level: "warning", reason: "public.a: no key" },
    ],
    ["cannot be reached", { errors: [{ code: "TARGET_UNREACHABLE", message: "no answer", cure }] }, { word: "unreachable", level: "page" }],
    ["says something else", { errors: [{ code: "TARGET_NOT_PREPARED", message: "run up", cure }] }, { word: "failing", level: "page" }],
  ];
  test.each(cases)("%s", (_, changed, health) => {
    expect(targetHealth(shownService(changed), [report()])).toMatchObject(health);
  });

  test("has an applier that has stopped, whatever else is wrong", () => {
    expect(targetHealth(shownService({ parked: [{ table: "public.a", keys: 1, deadLetters: 1 }] }), [])).toMatchObject({
      word: "stopped",
      level: "page",
    });
  });
});

test("topic, monolith and control database", () => {
  expect(topicHealth(shownService())).toEqual(ok);
  expect(topicHealth(shownService({ topicEnd: null }))).toMatchObject({ word: "unknown", level: "warning" });
  expect(topicHealth(shownService({ errors: [{ code: "KAFKA_UNREACHABLE", message: "m", cure }] }))).toMatchObject({ word: "unreachable" });
  expect(monolithHealth([shownService()])).toEqual(ok);
  expect(
    monolithHealth([shownService(), shownService({ service: "b", slot: { ...wellSlot, word: "over-budget", page: true, reason: "9 GiB" } })]),
  ).toEqual({
    word: "keeping WAL",
    level: "page",
    reason: "for b: 9 GiB",
  });
  const away = shownService({ errors: [{ code: "CONTROL_UNREACHABLE", message: "m", cure }] });
  expect([controlHealth([shownService()]).level, controlHealth([away])]).toEqual(["ok", { word: "unreachable", level: "warning", reason: "m" }]);
});

test("the worst is as bad as any, and one of them", () => {
  const health = fc.record({ word: fc.string(), level: fc.constantFrom(...levels), reason: fc.string() });
  fc.assert(
    fc.property(fc.array(health), (all) => {
      const found = worst(all);
      expect(all.length === 0 ? found.level === "ok" : all.includes(found)).toBe(true);
      expect(all.every(({ level }) => levels.indexOf(level) >= levels.indexOf(found.level))).toBe(true);
    }),
  );
});
