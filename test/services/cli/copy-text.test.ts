import { expect, test } from "vitest";
import { copyText, progressLine } from "../../../services/cli/copy-text.ts";
import type { TableCopyStatus } from "../../../services/control/snapshot-orders.ts";

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

test("statistics that are old do not make a copy more than whole", () => {
  expect(copyText({ ...copying, rows: 6000, secondsLeft: 0 })).toBe("public.trades: copying: 6000 of about 6000 rows, 99 %, 300 rows/s, 0 s left");
});

test("all tables in one line", () => {
  expect(progressLine([])).toBe("0 of 0 tables copied");
  expect(progressLine([copied, waiting, waiting])).toBe("1 of 3 tables copied");
  expect(progressLine([copied, copying, { ...copying, rows: 800 }])).toBe(
    "1 of 3 tables copied; 2000 of about 10000 rows, 20 %, 600 rows/s, 13 s left, 10 MiB",
  );
  expect(progressLine([copied, { ...waiting, state: "failed", error: "no" }])).toBe("1 of 2 tables copied; 1 failed");
});
