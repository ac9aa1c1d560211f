import { describe, expect, test } from "vitest";
import type { TablePasses } from "../../../services/control/pass-history.ts";
import { type Alert, type Condition, conditionsOf, transitions } from "../../../services/reconcile/alert-decision.ts";

const now = Date.parse("2026-01-01T12:00:00Z");
const ago = (seconds: number): string => new Date(now - seconds * 1000).toISOString();
const policy = { everyMs: 60_000, level: "detailed", hash: "representation", maxMismatchRate: 0, maxLagMs: 5000 } as const;

const clean: TablePasses = {
  table: "public.t",
  verdict: "equal",
  level: "detailed",
  finishedAt: ago(30),
  mismatches: 0,
  lastCleanAt: ago(30),
  lastPassAt: ago(30),
  lastPassMs: 1000,
  mismatchRate: 0,
};

/** The kinds that hold, with a mark for what nobody can tell. */
function holding(
  passes: Partial<TablePasses> | undefined,
  more: { lagMs?: number; policy?: object; since?: number; paused?: boolean; pausedAt?: number } = {},
): string[] {
  const state = {
    table: "public.t",
    policy: { ...policy, ...more.policy },
    passes: passes && { ...clean, ...passes },
    lagMs: more.lagMs,
    paused: more.paused ?? false,
    pausedAt: more.pausedAt,
  };
  return conditionsOf(state, more.since ?? now, now).flatMap(({ kind, holds }) => (holds === false ? [] : [holds === true ? kind : `${kind}?`]));
}

describe("a table", () => {
  test.each<[string, string[], string[]]>([
    ["that is equal and near", holding({}, { lagMs: 5000 }), []],
    ["of which rows are wrong", holding({ verdict: "mismatch", mismatches: 1, mismatchRate: 1e-6 }, { lagMs: 0 }), ["mismatch"]],
    [
      "of which no more are wrong than may be",
      holding({ verdict: "mismatch", mismatchRate: 0.1 }, { lagMs: 0, policy: { maxMismatchRate: 0.1 } }),
      [],
    ],
    [
      "of which more are wrong than may be",
      holding({ verdict: "mismatch", mismatchRate: 0.2 }, { lagMs: 0, policy: { maxMismatchRate: 0.1 } }),
      ["mismatch"],
    ],
    ["of which a changed row is wrong", holding({ verdict: "mismatch", level: "stream", mismatchRate: 1 }, { lagMs: 0 }), ["mismatch"]],
    [
      "of which some changed rows may be wrong",
      holding({ verdict: "mismatch", level: "stream", mismatchRate: 1 }, { lagMs: 0, policy: { maxMismatchRate: 0.1 } }),
      ["mismatch?"],
    ],
    ["that is too divergent", holding({ verdict: "too-divergent" }, { lagMs: 0, policy: { maxMismatchRate: 0.9 } }), ["mismatch"]],
    ["that could not be compared", holding({ verdict: "incomplete" }, { lagMs: 0 }), ["mismatch?"]],
    ["that was not found equal for three intervals and passes", holding({ lastCleanAt: ago(184) }, { lagMs: 0 }), ["overdue"]],
    ["that was found equal just in time, its passes counted", holding({ lastCleanAt: ago(182) }, { lagMs: 0 }), []],
    ["of a paused service", holding({ lastCleanAt: ago(5000) }, { lagMs: 5001, paused: true, pausedAt: now }), ["overdue?", "lag"]],
    ["of a service that was paused a moment ago", holding({ lastCleanAt: ago(5000) }, { lagMs: 0, pausedAt: now - 182_000 }), []],
    ["of a service that was paused long ago", holding({ lastCleanAt: ago(5000) }, { lagMs: 0, pausedAt: now - 184_000 }), ["overdue"]],
    ["that is compared for its keys alone", holding({ lastCleanAt: null }, { lagMs: 0, since: 0, policy: { level: "basic" } }), []],
    ["that was never compared, a moment after the start", holding(undefined, { lagMs: 0 }), ["mismatch?"]],
    ["that was never compared for long", holding(undefined, { lagMs: 0, since: now - 200_000 }), ["mismatch?", "overdue"]],
    ["that is too far behind", holding({}, { lagMs: 5001 }), ["lag"]],
    ["of which nobody knows how far behind it is", holding({}), ["lag?"]],
    ["that may be behind as far as it is", holding({}, { lagMs: 1e9, policy: { maxLagMs: undefined } }), []],
  ])("%s", (_what, found, expected) => {
    expect(found).toEqual(expected);
  });
});

const condition = (holds: boolean | undefined): Condition => ({ table: "public.t", kind: "lag", detail: "", holds });
const raised = (clearedAt: string | null): Alert => ({ table: "public.t", kind: "lag", detail: "", raisedAt: ago(5000), clearedAt });
const step = (alerts: Alert[], conditions: Condition[]): [number, number] => {
  const { raise, clear } = transitions(alerts, conditions, now);
  return [raise.length, clear.length];
};

describe("an alert", () => {
  test("is raised once, and cleared once", () => {
    expect([step([], [condition(true)]), step([raised(null)], [condition(true)])]).toEqual([
      [1, 0],
      [0, 0],
    ]);
    expect([step([raised(null)], [condition(false)]), step([raised(ago(1))], [condition(false)])]).toEqual([
      [0, 1],
      [0, 0],
    ]);
  });

  test("is not raised again for ten minutes after its end", () => {
    expect([step([raised(ago(599))], [condition(true)]), step([raised(ago(600))], [condition(true)])]).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  test("stays as it is while nobody can tell, and ends with its table's schedule", () => {
    expect([step([raised(null)], [condition(undefined)]), step([], [condition(undefined)]), step([raised(null)], [])]).toEqual([
      [0, 0],
      [0, 0],
      [0, 1],
    ]);
  });
});
