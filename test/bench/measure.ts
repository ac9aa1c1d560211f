/** Measures one run: from the moment it begins to the moment it is done, wall and CPU. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RunFigures } from "./figures.ts";
import { cpuSeconds, peakMegabytes } from "./process-figures.ts";

/** Longer than any run on a slow machine; a bench that hangs prints no figure. */
const limitMs = 1_200_000;

/** @throws when it does not come true in time */
export async function until(what: string, condition: () => Promise<boolean>, everyMs = 10): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`gave up waiting: ${what}`);
    await sleep(everyMs);
  }
}

/**
 * @param pids of each process, asked for when the run is done: a server's process may begin with it
 * @param began when it begins
 * @param done when it is done
 */
export async function measure(
  pids: () => Promise<Record<string, number>>,
  began: () => Promise<boolean>,
  done: () => Promise<boolean>,
): Promise<RunFigures> {
  await until("the run begins", began, 2);
  const startedAt = performance.now();
  const before = cpuOf(await pids());
  await until("the run is done", done);
  const seconds = (performance.now() - startedAt) / 1000;
  const processes = await pids();
  const after = cpuOf(processes);
  return {
    seconds,
    cpuSeconds: Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)])),
    rssMb: Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, peakMegabytes(pid)])),
  };
}

function cpuOf(pids: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)]));
}
