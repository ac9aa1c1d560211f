import { expect, test } from "vitest";
import type { History } from "../../../../services/control/dashboard/api-answers.ts";
import { figures, minuteRows } from "../../../../services/control/dashboard/figures.ts";
import { sparklinePath } from "../../../../services/control/dashboard/sparkline-path.ts";
import { shownService } from "./shown-services.ts";

const none: History = {
  everySeconds: 10,
  times: [],
  captureBytes: [],
  captureSeconds: [],
  applyBytes: [],
  applySeconds: [],
  applyEvents: [],
  eventsPerSecond: [],
  retainedBytes: [],
};

test("a minute's row has the largest figure of it, newest first; a gap is one", () => {
  const start = Date.parse("2026-11-22T06:50:00Z") / 1000;
  const history: History = {
    ...none,
    times: [start + 40, start + 50, start + 60, start + 70, start + 120],
    applySeconds: [1, 7, null, 2, null],
  };
  expect(minuteRows(history, "applySeconds")).toEqual([
    { at: "2026-11-22T06:52:00.000Z", value: null },
    { at: "2026-11-22T06:51:00.000Z", value: 2 },
    { at: "2026-11-22T06:50:00.000Z", value: 7 },
  ]);
  expect(minuteRows(none, "applyBytes")).toEqual([]);
});

test("every figure of the history is shown, as it is now and in its unit", () => {
  const { everySeconds: _, times: __, ...columns } = none;
  expect(figures.map(({ name }) => name).toSorted()).toEqual(Object.keys(columns).toSorted());
  const service = shownService({
    lag: { capture: { bytes: 2048, seconds: 1.5 }, apply: { bytes: 1024, seconds: 0.25, events: 1234 } },
    eventsPerSecond: 7,
  });
  expect(figures.map(({ now, text }) => text(now(service)))).toEqual(["1.5 s", "2.0 KiB", "250 ms", "1.0 KiB", "1,234", "7/s", "1.0 KiB"]);
});

test("a line goes from 0 to the largest figure, and has a gap where one was not known", () => {
  expect(sparklinePath([0, 5, null, 10, 10], 100, 12)).toBe("M0.0 11.0L25.0 6.0M75.0 1.0L100.0 1.0");
  expect([sparklinePath([], 100, 12), sparklinePath([null], 100, 12), sparklinePath([0, 0], 100, 12)]).toEqual(["", "", "M0.0 11.0L100.0 11.0"]);
});
