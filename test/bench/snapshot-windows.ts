/**
 * What a copy costs the monolith: the time of the load's transactions while the table is copied, against that of the moments before, under the same load. Windows
 * alternate, since the machine is not the same from one minute to the next; the figure is the median of their ratios.
 *
 * The load goes on until the copy is done, so that its rate is that of a whole copy, as when nothing is written.
 */
import { execFileSync } from "node:child_process";
import type { LocalStack } from "../../infra/local/stack.ts";
import { connect, fingerprint } from "./bench-servers.ts";
import { pin } from "./cores.ts";
import { median, round } from "./figures.ts";
import { until } from "./measure.ts";
import { LoadProcess } from "./load-process.ts";
import type { Rate, TransactionTimes } from "./open-loop.ts";
import { CopiedTable } from "./snapshot-bench.ts";
import { sentinelSql } from "./workloads.ts";

export interface WindowsOptions {
  /** Copied without any load, rows a second. */
  readonly idleRate: number;
  /** Of one window. */
  readonly seconds: number;
  /** Pairs of windows. */
  readonly pairs: number;
  readonly load: Rate;
  /** Whether the monolith, and its load with it, have cores of their own (cores.ts). */
  readonly apart: boolean;
}

export interface Windows {
  /** Of p99, during the copy by before it. */
  readonly loadP99Ratio: number;
  /** The copy's rows a second under the load by those without. */
  readonly copyRateUnderLoad: number;
  readonly windows: readonly { readonly before: TransactionTimes; readonly during: TransactionTimes; readonly rowsPerSecond: number }[];
}

/** Of the load, before a window: connections are there, statements are prepared, code is compiled. */
const warmUpSeconds = 3;

/** Of the load in one pair of windows: beyond, its rows would come twice. */
const mostSeconds = 600;

/** A table of so many seconds, at the idle rate: under load it takes longer than a window. */
const shareOfWindow = 0.8;

/** @throws where the tables differ at the end of a copy */
export async function copyUnderLoad(stack: LocalStack, options: WindowsOptions, say: (line: string) => void): Promise<Windows> {
  const { idleRate, seconds, pairs, load } = options;
  const rows = Math.round(idleRate * seconds * shareOfWindow);
  say(`writing a table of ${rows} rows`);
  const table = await CopiedTable.fill(stack, "bench_windows", rows);
  const windows: Windows["windows"][number][] = [];
  for (let i = 1; i <= pairs; i += 1) {
    const running = await LoadProcess.start({ url: table.url, rate: load, rows, from: (i - 1) * load.perSecond * mostSeconds });
    if (options.apart) pin(running.pid, "monolith");
    try {
      const window = await pairOf(table, running, stack, seconds);
      windows.push(window);
      say(`windows ${i} of ${pairs}: p99 ${window.before.p99} ms before, ${window.during.p99} ms during the copy, ${window.rowsPerSecond} rows/s`);
    } finally {
      await running.stop();
    }
  }
  await table.end();
  return {
    loadP99Ratio: round(median(windows.map(({ before, during }) => during.p99 / before.p99)), 2),
    copyRateUnderLoad: round(median(windows.map(({ rowsPerSecond }) => rowsPerSecond)) / idleRate, 2),
    windows,
  };
}

async function pairOf(table: CopiedTable, load: LoadProcess, stack: LocalStack, seconds: number): Promise<Windows["windows"][number]> {
  // Behind a checkpoint a page that is touched goes to the WAL whole: both windows begin there.
  await table.source.query("CHECKPOINT");
  writeBack();
  await lasting(warmUpSeconds);
  await load.take();
  await lasting(seconds);
  const before = await load.take();

  await table.source.query("CHECKPOINT");
  writeBack();
  const copy = await table.startCopy();
  try {
    await until("the copy begins", copy.begun, 2);
    const began = performance.now();
    await load.take();
    const everyMs = 100;
    await until("the window or the copy ends", async () => performance.now() - began > seconds * 1000 || copy.done(), everyMs);
    const during = await load.take();
    await until("the copy is done", copy.done, everyMs);
    const rowsPerSecond = Math.round(table.rows / ((performance.now() - began) / 1000));
    await load.stop();
    await table.source.query(sentinelSql);
    await until("the last row is at the target", async () => (await copy.target.query("SELECT FROM bench WHERE id = -1")).rowCount === 1);
    const prints = await Promise.all([fingerprint(table.source), fingerprint(copy.target)]);
    if (prints[0] !== prints[1]) throw new Error(`the tables differ after a copy under load: ${prints.join(" and ")}`);
    await table.source.query("DELETE FROM bench WHERE id = -1");
    await checkpoint(stack);
    return { before, during, rowsPerSecond };
  } finally {
    await copy.stop();
  }
}

/** Of the target: what a copy has left in its memory is not written while the next window is measured. */
async function checkpoint(stack: LocalStack): Promise<void> {
  const admin = await connect(stack.target.url());
  await admin.query("CHECKPOINT");
  await admin.end();
}

/** What the system would write to the disk at a moment of its own: a copy of a gigabyte before was the slowest hundredth of the window behind it. */
function writeBack(): void {
  execFileSync("sync");
}

async function lasting(seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  await until("a window ends", async () => performance.now() > end, 20);
}
