import { expect, test } from "vitest";
import { InPlace, progressLine, tableLines } from "../../../infra/demo/live-table.ts";
import type { ProgressSample } from "../../../infra/demo/progress-sample.ts";

const before: ProgressSample = {
  at: 1000,
  services: [
    { service: "api-gateway", events: 1000, lagMs: undefined, lagBytes: undefined, slot: "ok" },
    { service: "trading-engine", events: 0, lagMs: undefined, lagBytes: undefined, slot: "inactive" },
  ],
};
const now: ProgressSample = {
  at: 3000,
  services: [
    { service: "api-gateway", events: 2500, lagMs: 4.56, lagBytes: 900, slot: "ok" },
    { service: "trading-engine", events: 1_234_567, lagMs: 120, lagBytes: 20 << 20, slot: "inactive" },
  ],
};

test("one line for each service, with the rate since the sample before", () => {
  expect(tableLines(before, now, "load")).toEqual([
    "load",
    "service                events   events/s     lag ms   lag of WAL   slot",
    "api-gateway             2 500        750        4.6        900 B   ok",
    "trading-engine      1 234 567    617 284      120.0       20 MiB   inactive",
  ]);
});

test("before there is anything to tell, it says so instead of a number", () => {
  expect(tableLines(before, before, "load").slice(2)).toEqual([
    "api-gateway             1 000          -          -            -   ok",
    "trading-engine              0          -          -            -   inactive",
  ]);
});

test("where stdout is no terminal, one line for all", () => {
  expect(progressLine(before, now, "load, 3 s")).toBe(
    "load, 3 s: 1 237 067 events applied, 618 034/s, longest lag 120.0 ms, 20 MiB of WAL, slots: trading-engine inactive",
  );
});

test("the first line has no rate yet", () => {
  expect(progressLine(before, before, "load, 0 s")).toBe(
    "load, 0 s: 1 000 events applied, longest lag 0.0 ms, 0 B of WAL, slots: trading-engine inactive",
  );
});

test("it paints over what it has painted, and leaves alone what was written since", () => {
  let written = "";
  const table = new InPlace((text) => (written += text));
  table.paint(["a", "b"]);
  table.paint(["c"]);
  table.leave();
  table.paint(["d"]);
  expect(written).toBe("a\nb\n\u001b[2A\u001b[Jc\nd\n");
});
