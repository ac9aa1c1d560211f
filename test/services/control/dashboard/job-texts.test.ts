import { describe, expect, test } from "vitest";
import type { Job, WrongRows } from "../../../../services/control/dashboard/api-answers.ts";
import { copyText } from "../../../../services/control/dashboard/copy-text.ts";
import * as texts from "../../../../services/control/dashboard/job-texts.ts";

const asked: Job = {
  id: "c7",
  kind: "copy",
  service: "billing",
  tables: ["public.a"],
  state: "running",
  progress: null,
  rows: 500,
  estimatedRows: 2000,
  secondsLeft: 90,
  error: null,
  result: null,
  requestedBy: "ada",
  requestedAt: "2026-11-22T06:50:00.000Z",
  startedAt: "2026-11-22T06:50:00.000Z",
  finishedAt: null,
};
const now = "2026-11-22T06:50:10.000Z";
const nothing: WrongRows = { missing: [], extra: [], differing: [], undecided: [] };
const one: WrongRows = { ...nothing, missing: [{ key: { id: "1" } }] };

test("how far a job is: what is not known is unknown", () => {
  expect([texts.progressText(asked), texts.jobRate(asked, now), texts.timeLeft(asked)]).toEqual([
    "25 %, 500 of about 2,000 rows",
    "50/s",
    "1 min 30 s",
  ]);
  const unknown: Job = { ...asked, estimatedRows: null, secondsLeft: null };
  expect([texts.progressText(unknown), texts.shareDone(unknown), texts.timeLeft(unknown)]).toEqual(["500 rows", undefined, "unknown"]);
  const pass: Job = { ...unknown, id: "j7", kind: "reconcile", rows: null };
  expect([texts.progressText(pass), texts.jobRate(pass, now), texts.timeLeft(pass)]).toEqual(["unknown", "unknown", "unknown"]);
  expect(texts.progressText({ ...pass, progress: "public.a: 7 rows compared" })).toBe("public.a: 7 rows compared");
  expect([texts.progressText({ ...pass, state: "waiting" }), texts.timeLeft({ ...pass, state: "done" })]).toEqual(["", ""]);
});

test("where there are more rows than were estimated, nobody knows what share they are before the job is done", () => {
  const passed: Job = { ...asked, rows: 3000 };
  expect([texts.shareDone(passed), texts.progressText(passed), texts.shareDone({ ...asked, state: "done" })]).toEqual([undefined, "3,000 rows", 1]);
});

test("what was asked for", () => {
  expect(texts.askedText({ ...asked, kind: "reconcile", tables: [], options: { level: "strict" } })).toBe("all tables; strict");
  expect(texts.askedText({ ...asked, kind: "repair", options: { dryRun: true } })).toBe("public.a; preview");
});

describe("what came of it", () => {
  const repair = { table: "public.a", verdict: "mismatch", reason: null, found: one, left: null };
  test.each([
    [
      { reports: [{ ...one, table: "public.a", verdict: "mismatch", compared: 1000 }] },
      "public.a: mismatch, 1,000 rows compared, 0 differing, 1 missing, 0 extra",
    ],
    [{ tables: [repair] }, "public.a: 1 row would be published again: 0 differing, 1 missing, 0 extra"],
    [{ tables: [{ ...repair, left: nothing }] }, "public.a: 1 row published again: all of them are equal now"],
    [
      { tables: [{ ...repair, found: { ...one, extra: one.missing } }] },
      "public.a: 1 row would be published again, 1 row would be deleted at the target: 0 differing, 1 missing, 1 extra",
    ],
    [
      { tables: [{ ...repair, found: { ...nothing, extra: one.missing }, left: nothing }] },
      "public.a: 1 row deleted at the target: all of them are equal now",
    ],
    [{ tables: [{ ...repair, left: one }] }, "public.a: 1 row published again: left: 0 differing, 1 missing, 0 extra"],
    [
      { tables: [{ ...repair, left: { ...nothing, undecided: [{ key: { id: "1" }, waitsFor: "w" }] } }] },
      "public.a: 1 row published again: left: 0 differing, 0 missing, 0 extra, 1 undecided",
    ],
    [{ tables: [{ ...repair, verdict: "incomplete", found: nothing, reason: "away" }] }, "public.a: incomplete, nothing to repair (away)"],
    [{ tables: [{ ...repair, verdict: "too-divergent" }] }, "public.a: too divergent to be repaired row by row: copy it again"],
  ])("%j", (result, line) => {
    expect(texts.resultLines({ ...asked, result })).toEqual([line]);
  });

  test("is nothing of a job that has no result", () => {
    expect([null, "x", {}].map((result) => texts.resultLines({ ...asked, result }))).toEqual([[], [], []]);
  });
});

test("what a repair deletes is not among what it publishes", () => {
  const extra = { ...nothing, extra: [{ key: { id: "2" } }, { key: { id: "3" } }] };
  expect(texts.repairedRows([one, extra, { ...nothing, differing: [{ key: { id: "4" }, columns: [] }] }])).toEqual({ published: 2, deleted: 2 });
});

test("how far the copy of a table is", () => {
  const copy = {
    table: "public.a",
    state: "copying",
    reason: "never copied",
    rows: 10,
    estimatedRows: null,
    rowsPerSecond: null,
    secondsLeft: null,
    waitsFor: null,
    error: null,
    verifiedAt: null,
  };
  expect(copyText(copy)).toBe("copying: 10 of an unknown number of rows, unknown, time left unknown");
  expect(copyText({ ...copy, estimatedRows: 100, rowsPerSecond: 10, secondsLeft: 9, waitsFor: "the target is behind" })).toBe(
    "copying: 10 of about 100 rows, 10/s, time left 9.0 s, the target is behind",
  );
  expect(copyText({ ...copy, rows: 1200, estimatedRows: 500 })).toBe("copying: 1,200 rows, unknown, time left unknown");
  expect(["waiting", "copied", "cancelled", "failed"].map((state) => copyText({ ...copy, state }))).toEqual([
    "waiting",
    "copied, not yet verified",
    "cancelled",
    "failed: nobody knows why",
  ]);
  expect([copyText({ ...copy, state: "copied", verifiedAt: now }), copyText({ ...copy, state: "failed", error: "no key" })]).toEqual([
    "copied and verified",
    "failed: no key",
  ]);
});
