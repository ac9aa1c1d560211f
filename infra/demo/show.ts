/**
 * The load from its first statement until everything is proven, with all that goes on beside it: probes, the wait for the first row, the live table.
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { Display } from "./display.ts";
import { untilRows } from "./first-row.ts";
import { grouped } from "./live-table.ts";
import { Load } from "./load.ts";
import { countEvents, drainScene, proveScene, type Scene } from "./scene.ts";
import { together } from "./together.ts";
import type { Evidence } from "./verdict.ts";
import { watch } from "./watch.ts";

export interface ShowOptions {
  /** Row changes that the load commits, at full speed or over `seconds`; without it 2000 a second. */
  readonly rows?: number;
  /** Default, without rows: 20. */
  readonly seconds?: number;
  readonly seed: number;
}

/** Row changes a second. */
export const steadyRate = 2000;
const defaultSeconds = 20;

/** @throws OfftakeError DEMO_STOPPED when it was stopped before the proof, and whatever fails */
export async function show(scene: Scene, options: ShowOptions, display: Display, signal: AbortSignal): Promise<Evidence> {
  const { probes } = scene;
  await opening(scene, display, signal);
  const { load, run } = loadOf(scene, options);
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  const drained = new AbortController();
  let act: "load" | "drain" = "load";
  let seconds = 0;
  const title = (): string => `${act}, ${Math.round(elapsed())} s: ${grouped(load.ledger.changes)} row changes committed`;
  await together(signal, (stop) => {
    const flow = async (): Promise<void> => {
      await run(stop);
      act = "drain";
      await drainScene(scene, stop);
      seconds = elapsed();
      drained.abort();
    };
    return [flow(), watch(scene, display, title, AbortSignal.any([stop, drained.signal]))];
  });
  stopIf(signal);
  display.say(`Drained ${seconds.toFixed(1)} s after the load's first statement. Comparing every table, row by row`);
  const events = await countEvents(scene, signal);
  const proofs = await proveScene(scene, signal);
  stopIf(signal);
  const changes = load.ledger.changes + probes.ledger.changes;
  return {
    proofs,
    changes,
    expectedEvents: changes + load.ledger.keyChanges,
    events,
    transactions: load.ledger.transactions + probes.ledger.transactions,
    seconds,
    latencies: probes.latencies,
  };
}

/**
 * The first transaction, all the way to every service: what is done once for each table, such as its schema in the registry, is done then, and what is
 * measured after it is the work itself.
 */
async function opening({ probes, sessions, tables }: Scene, display: Display, signal: AbortSignal): Promise<void> {
  await probes.open();
  const arrived = (first: string): void => display.say(`First row at a target (${first}) ${(performance.now() / 1000).toFixed(1)} s after the start`);
  await untilRows(sessions.targets, tables, arrived, signal);
  stopIf(signal);
}

function loadOf({ stage, probes }: Scene, { rows, seconds, seed }: ShowOptions): { load: Load; run: (stop: AbortSignal) => Promise<void> } {
  const changesPerSecond = rows === undefined ? steadyRate : seconds === undefined ? undefined : rows / seconds;
  const load = new Load({ source: stage.configuration.source.url, seed, rows, changesPerSecond });
  const run = async (stop: AbortSignal): Promise<void> => {
    const ended = new AbortController();
    const until = rows === undefined ? [AbortSignal.timeout((seconds ?? defaultSeconds) * 1000)] : [];
    await together(stop, (each) => [load.run(AbortSignal.any([each, ...until])).finally(() => ended.abort()), probes.run(ended.signal, each)]);
    if (rows !== undefined && !stop.aborted && load.ledger.changes !== rows)
      throw new OfftakeError("INTERNAL", `The load has committed ${load.ledger.changes} row changes instead of ${rows}.`);
  };
  return { load, run };
}

function stopIf(signal: AbortSignal): void {
  if (signal.aborted) throw new OfftakeError("DEMO_STOPPED", "The demo was stopped.");
}
