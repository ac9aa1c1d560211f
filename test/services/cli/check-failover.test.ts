import { describe, expect, test } from "vitest";
import { failoverFindings, type FailoverState } from "../../../services/cli/check-failover.ts";

const well: FailoverState = { wanted: true, major: 18, waitsFor: ["one"], standbys: [{ name: "one", active: true, feedback: true }] };

describe("failoverFindings", () => {
  test.each<[string, Partial<FailoverState>, [level: string, what: string, cure: string][]]>([
    ["nothing of a standby that is waited for, streams and gives feedback", {}, []],
    ["that the version has none", { major: 16 }, [["fault", "PostgreSQL 16 has no failover slots", "upgrade the source"]]],
    ["that there is no standby", { waitsFor: [], standbys: [] }, [["warning", "no standby has a slot here", "pg_create_physical_replication_slot"]]],
    [
      "that the connectors may run ahead of the standby",
      { waitsFor: [] },
      [["warning", "synchronized_standby_slots is empty", "ALTER SYSTEM SET synchronized_standby_slots = 'one'"]],
    ],
    [
      "that what is waited for is away",
      { standbys: [{ name: "one", active: false, feedback: true }] },
      [["fault", "names one, which no standby reads: connectors get nothing", "ALTER SYSTEM SET synchronized_standby_slots"]],
    ],
    ["that what is waited for is not there", { standbys: [] }, [["fault", "names one, which is no physical slot here", "Start that standby"]]],
    [
      "that the standby gives no feedback",
      { standbys: [{ name: "one", active: true, feedback: false }] },
      [["warning", "gives no feedback", "hot_standby_feedback = on"]],
    ],
  ])("says %s", (_, changed, expected) => {
    const found = failoverFindings({ ...well, ...changed });
    expect(found.map(({ level, what, cure }) => [level, what, cure])).toEqual(
      expected.map(([level, what, cure]) => [level, expect.stringContaining(what), expect.stringContaining(cure)]),
    );
  });
});

test("where no slot is to survive, standbys are a note: none of them would have it", () => {
  const unwanted = { ...well, wanted: false };
  expect(failoverFindings(unwanted)).toEqual([expect.objectContaining({ level: "note", what: expect.stringContaining("it has standbys (one)") })]);
  expect(failoverFindings({ ...unwanted, standbys: [] })).toEqual([]);
  // Nothing can be done about it there.
  expect(failoverFindings({ ...unwanted, major: 16 })).toEqual([]);
});
