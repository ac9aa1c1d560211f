import { expect, test } from "vitest";
import { periodically } from "../../../services/control/periodically.ts";
import { waitFor } from "../../support/wait-for.ts";
import { Complaints } from "../../../services/runtime/complaints.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";

test("a task that fails is tried again by itself, and touches no other", async () => {
  const said: string[] = [];
  const log = createLog({ env: {}, terminal: false, write: (line) => said.push(line) });
  const complaints = new Complaints(log, createMetrics("test"));
  const stop = new AbortController();
  let tries = 0;
  let others = 0;
  const failing = async (): Promise<void> => {
    tries += 1;
    if (tries <= 3) throw new Error("the first three fail");
  };
  const other = async (): Promise<void> => void (others += 1);
  const ended = [
    periodically({ name: "validation", everyMs: 3_600_000, run: failing }, complaints, stop.signal, () => 0),
    periodically({ name: "health", everyMs: 1, run: other }, complaints, stop.signal, () => 0),
  ];
  await waitFor(() => tries === 4 && others > 3, { what: "the task to be tried again, and the other to go on" });
  stop.abort();
  await Promise.all(ended);
  expect(said.filter((line) => line.includes("validation failed, and is tried again"))).toHaveLength(1);
});
