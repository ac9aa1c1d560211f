import { describe, expect, test } from "vitest";
import { firstJob } from "../../../../services/control/dashboard/first-job.ts";
import { outcomeText } from "../../../../services/control/dashboard/outcome-text.ts";

const trouble = { code: "EVENT_NOT_APPLICABLE", message: "refused", cure: "mend it" };

describe("what came of an action", () => {
  test.each([
    [[{ service: "billing", changed: true, paused: { by: "ada" } }], "Paused: the applier stops within seconds."],
    [[{ service: "billing", changed: true, paused: null }], "Resumed: the applier goes on within seconds."],
    [[{ jobs: [{ id: "j7" }, { id: "j8" }] }], "Asked for: job j7, job j8."],
    [[{ jobs: [] }], "There was nothing to do."],
    [[{ cancelled: true }], "Called off."],
    [[{ cancelled: false }], "It was over already."],
    [[{ skipped: 2, audited: true }], "2 events dropped. Repair the table before its row changes again."],
    [
      [{ skipped: 1, audited: false }],
      "1 event dropped. Repair the table before its row changes again. The audit could not be written: the control database is away.",
    ],
    [[{ replayed: [{ id: "1", events: 2, error: null }] }, { replayed: [{ id: "2", events: 1, error: null }] }], "3 events applied, in order."],
  ])("%j", (answers, text) => {
    expect(outcomeText(answers)).toEqual({ text, trouble: undefined });
  });

  test("of a replay that was answered and refused again is the trouble", () => {
    expect(outcomeText([{ replayed: [{ id: "1", events: 0, error: trouble }], audited: true }])).toEqual({
      text: "0 events applied, in order.",
      trouble,
    });
  });
});

test("the job that was asked for", () => {
  expect([firstJob([{ jobs: [{ id: "j7" }] }]), firstJob([{ jobs: [] }]), firstJob([]), firstJob([{ changed: true }])]).toEqual([
    "j7",
    undefined,
    undefined,
    undefined,
  ]);
});
