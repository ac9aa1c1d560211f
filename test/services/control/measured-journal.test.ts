import { expect, test } from "vitest";
import { MeasuredJournal } from "../../../services/control/measured-journal.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { MemoryJournal } from "../../connectors/postgres/copying-connector.ts";

const start = { tableOid: 16_400, keyColumns: ["id"], estimatedRows: 1000, estimatedBytes: 10_000 };

test("metrics show how far each copy is, and that it has ended", async () => {
  const metrics = createMetrics("test");
  const memory = new MemoryJournal("public.trades", "public.users");
  const journal = new MeasuredJournal(memory, metrics, "trading");
  const shown = async (): Promise<string[]> =>
    (await metrics.registry.metrics())
      .split("\n")
      .filter((line) => /^offtake_snapshot_(rows|bytes|progress)/.test(line))
      .map((line) => line.replace(/^offtake_snapshot_(\w+){service="trading",table="public.(\w+)"}/, "$2 $1"));
  const [trades, users] = await journal.open("trading");
  await journal.started(trades!.id, start);
  expect(await journal.progress(trades!.id, { lastKey: ["250"], rows: 250, bytes: 2500, movesFrom: 1 })).toBe(true);
  expect(await journal.progress(trades!.id, { lastKey: ["300"], rows: 300, bytes: 3000, movesFrom: 1 })).toBe(true);
  expect(await shown()).toEqual(["trades rows_total 300", "trades bytes_total 3000", "trades progress_ratio 0.3"]);
  const remaining = await metrics.snapshotRemainingSeconds.get();
  expect(remaining.values.map(({ value, labels }) => [labels, value > 0])).toEqual([[{ service: "trading", table: "public.trades" }, true]]);
  await journal.copied(trades!.id);
  await journal.started(users!.id, start);
  await journal.failed(users!.id, new OfftakeError("INTERNAL", "no"));
  expect(await shown()).toEqual(["trades rows_total 300", "trades bytes_total 3000", "trades progress_ratio 1", "users progress_ratio 1"]);
  expect(memory.jobs.map(({ state }) => state)).toEqual(["copied", "failed"]);
});

test("what an earlier process has copied is not counted again, and a copy that was called off has ended", async () => {
  const metrics = createMetrics("test");
  const memory = new MemoryJournal("public.trades");
  const before = new MeasuredJournal(memory, createMetrics("test"), "trading");
  const [job] = await before.open("trading");
  await before.started(job!.id, start);
  await before.progress(job!.id, { lastKey: ["250"], rows: 250, bytes: 2500, movesFrom: 1 });
  const journal = new MeasuredJournal(memory, metrics, "trading");
  await journal.open("trading");
  await journal.progress(job!.id, { lastKey: ["300"], rows: 300, bytes: 3000, movesFrom: 1 });
  expect(await metrics.registry.metrics()).toContain('offtake_snapshot_rows_total{service="trading",table="public.trades"} 50');
  memory.cancel("public.trades");
  expect(await journal.open("trading")).toEqual([]);
  expect(await metrics.registry.metrics()).toContain('offtake_snapshot_remaining_seconds{service="trading",table="public.trades"} 0');
});

test("of a copy that has passed its table's statistics by, or of which there are none, no figure of what is left is shown", async () => {
  const metrics = createMetrics("test");
  const memory = new MemoryJournal("public.trades");
  const journal = new MeasuredJournal(memory, metrics, "trading");
  const [job] = await journal.open("trading");
  const left = async (): Promise<number> => (await metrics.snapshotRemainingSeconds.get()).values.length;
  await journal.started(job!.id, start);
  await journal.progress(job!.id, { lastKey: ["500"], rows: 500, bytes: 5000, movesFrom: 1 });
  expect(await left()).toBe(1);
  await journal.progress(job!.id, { lastKey: ["1500"], rows: 1500, bytes: 15_000, movesFrom: 1 });
  expect(await left()).toBe(0);
  await journal.started(job!.id, { ...start, estimatedRows: undefined });
  await journal.progress(job!.id, { lastKey: ["500"], rows: 500, bytes: 5000, movesFrom: 1 });
  expect(await left()).toBe(0);
});
