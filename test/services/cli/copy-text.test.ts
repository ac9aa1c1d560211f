import { expect, test } from "vitest";
import { isUnderWay } from "../../../services/cli/copy-state.ts";
import { copyText, copyTotal, progressLine } from "../../../services/cli/copy-text.ts";
import { heldUp, type TableCopyStatus } from "../../../services/control/snapshot-orders.ts";

const waiting: TableCopyStatus = {
  table: "public.trades",
  state: "waiting",
  reason: "",
  rows: 0,
  bytes: 0,
  estimatedRows: null,
  estimatedBytes: null,
  rowsPerSecond: null,
  secondsLeft: null,
  waitsFor: null,
  error: null,
  requestedBy: "me",
  requestedAt: "2026-11-22T00:00:00.000Z",
  startedAt: null,
  finishedAt: null,
  verifiedAt: null,
};
const copying: TableCopyStatus = {
  ...waiting,
  state: "copying",
  rows: 1200,
  bytes: 5 << 20,
  estimatedRows: 5000,
  rowsPerSecond: 300,
  secondsLeft: 13,
};
const copied: TableCopyStatus = { ...waiting, state: "copied", rows: 7 };

test("a table in a line", () => {
  expect(copyText(copying)).toBe("public.trades: copying: 1200 of about 5000 rows, 24 %, 300 rows/s, 13 s left");
  expect(copyText(copied)).toBe("public.trades: copied, 7 rows, not yet verified");
});

test("statistics that the copy has passed by, or that there are not, say nothing of what is left", () => {
  expect(copyText({ ...copying, rows: 6000, secondsLeft: null })).toBe("public.trades: copying: 6000 rows so far, 300 rows/s");
  const unknown = { ...copying, estimatedRows: null, secondsLeft: null };
  expect(copyText(unknown)).toBe("public.trades: copying: 1200 rows so far, 300 rows/s");
  expect(copyTotal([copying, unknown])).toMatchObject({ rows: 2400, estimatedRows: null, secondsLeft: null });
});

test("a copy of which no process runs the connector stands still", () => {
  expect(copyText(heldUp(copying))).toBe("public.trades: copying: 1200 of about 5000 rows, 24 %; it waits for its connector, which no process runs");
  expect(heldUp(copied)).toBe(copied);
});

const mark = { table: "public.trades", reason: "rows from before `offtake up`" };

test.each<[string, readonly TableCopyStatus[], readonly (typeof mark)[], string, boolean]>([
  ["nothing was ever copied", [], [], "0 of 0 tables copied", false],
  ["nobody has begun it", [], [mark], "0 of 1 table copied; 1 waits for its connector", true],
  ["all is in the topic", [{ ...copied, reason: mark.reason }], [mark], "0 of 1 table copied; 1 on its way to the target", true],
  ["all is at the target", [copied], [], "1 of 1 table copied", false],
  ["it was marked anew", [copied], [mark], "0 of 1 table copied; 1 waits for its connector", true],
  ["somebody has to look first", [copied], [{ ...mark, reason: "a gap" }], "0 of 1 table copied", false],
  ["it was called off", [{ ...copied, state: "cancelled" }], [mark], "0 of 1 table copied", false],
])("where %s", (_, copies, marks, line, underWay) => {
  expect(progressLine({ copies, marks })).toBe(line);
  expect(isUnderWay({ copies, marks })).toBe(underWay);
});

test("all tables in one line", () => {
  const [a, b, c] = [copied, { ...copying, table: "public.a" }, { ...copying, table: "public.b", rows: 800 }];
  expect(progressLine({ copies: [a, { ...waiting, table: "public.a" }], marks: [] })).toBe("1 of 2 tables copied; 1 waits for its connector");
  expect(progressLine({ copies: [a, b, c], marks: [] })).toBe("1 of 3 tables copied; 2000 of about 10000 rows, 20 %, 600 rows/s, 13 s left, 10 MiB");
  expect(progressLine({ copies: [a, { ...waiting, table: "public.a", state: "failed", error: "no" }], marks: [] })).toBe(
    "1 of 2 tables copied; 1 failed",
  );
});
