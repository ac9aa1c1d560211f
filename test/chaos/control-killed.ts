/**
 * `npm run chaos -- control`: the control process is killed, and the rows of a service are on their way no longer than before. In turns with it and without it, so that what else the
 * machine does falls on both; each kill is in the turn without it.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startLocalStack } from "../../infra/local/stack.ts";
import { round } from "../bench/figures.ts";
import { waitFor } from "../support/wait-for.ts";
import { differing } from "./isolation.ts";
import { type Lag, lagOf } from "./isolation-figures.ts";
import { lagBounds } from "./isolation-faults.ts";
import { LagProbe } from "./lag-probe.ts";
import { SteadyWriter } from "./steady-writer.ts";
import { TwoServices } from "./two-services.ts";
import { Victim } from "./victim.ts";

export interface ControlKilledOptions {
  readonly kills: number;
  /** For configuration and logs. */
  readonly folder: string;
  readonly progress: (line: string) => void;
}

export interface ControlKilled {
  readonly kills: number;
  readonly lagMs: { readonly alive: Lag; readonly killed: Lag };
  readonly lagRatio: { readonly p50: number; readonly p90: number };
  /** Rows by which target and source differ in the end, of both services. */
  readonly different: number;
  /** What is not as it must be. */
  readonly faults: readonly string[];
  readonly seconds: number;
}

const rate = { rowsPerSecond: 2000, rowsAtOnce: 20 };

const turnMs = 10_000;

export async function controlKilled({ kills, folder, progress }: ControlKilledOptions): Promise<ControlKilled> {
  const began = performance.now();
  await using stack = await startLocalStack({ progress });
  const { source, target, kafka, registry } = stack;
  const servers = { source: source.url(), target: target.url(), kafka: kafka.brokers, registry: registry.url, illTarget: target.url() };
  await using services = await TwoServices.open(servers, folder);
  const { ill: busy, sound: probed, sourceUrl } = services;
  const probe = new LagProbe(sourceUrl, probed.targetUrl, probed.table);
  const writer = new SteadyWriter(sourceUrl, busy.table, rate);
  const control = new Victim(["--config", services.file, "run", "control", "--http-port", "0"], join(folder, "control.log"));
  const lags: { alive: number[]; killed: number[] } = { alive: [], killed: [] };
  try {
    await waitFor(() => probe.arrived > 0, { what: "the first row", timeout: 60_000 });
    while (control.kills < kills) {
      // The lock of the one before is free when the server has seen its end.
      const actedBefore = control.kills;
      await waitFor(() => control.lines.filter(({ msg }) => msg === "acting").length > actedBefore, { what: "it to act", timeout: 120_000 });
      probe.take();
      await sleep(turnMs);
      lags.alive.push(...probe.take());
      await control.kill();
      await sleep(turnMs);
      lags.killed.push(...probe.take());
      progress(`killed ${control.kills} times`);
      if (control.kills < kills) control.restart();
    }
    await writer.stop();
    await probe.stop();
    const left = async (): Promise<number> => (await differing(sourceUrl, busy)) + (await differing(sourceUrl, probed));
    await waitFor(async () => (await left()) === 0, { what: "both targets to be equal", timeout: 60_000 }).catch(() => undefined);
    return judged({ kills, lagMs: { alive: lagOf(lags.alive), killed: lagOf(lags.killed) }, different: await left() }, services, began);
  } finally {
    await Promise.allSettled([writer.stop(), probe.stop(), control.kill()]);
  }
}

function judged(found: Pick<ControlKilled, "kills" | "lagMs" | "different">, services: TwoServices, began: number): ControlKilled {
  const { alive, killed } = found.lagMs;
  const lagRatio = { p50: round(killed.p50 / alive.p50, 2), p90: round(killed.p90 / alive.p90, 2) };
  const said = [...services.errorsOf(services.ill), ...services.errorsOf(services.sound)];
  const all: [string, boolean][] = [
    [`half of the rows take ${lagRatio.p50} of what they took with it`, !(lagRatio.p50 <= lagBounds.p50)],
    [`nine of ten of the rows take ${lagRatio.p90} of what they took with it`, !(lagRatio.p90 <= lagBounds.p90)],
    [`${found.different} rows differ`, found.different !== 0],
    [`connectors and appliers say ${said.join(", ")}`, said.length > 0],
  ];
  return {
    ...found,
    lagRatio,
    faults: all.filter(([, wrong]) => wrong).map(([what]) => what),
    seconds: round((performance.now() - began) / 1000, 1),
  };
}
