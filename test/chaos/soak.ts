/**
 * Two services under a steady load for many minutes, while sessions end, connections are cut and the broker is restarted: memory, handles and latency must not grow, nothing
 * may be lost, and neither process may end.
 */
import { startLocalStack } from "../../infra/local/stack.ts";
import { quantile } from "../../infra/demo/quantile.ts";
import { median, round } from "../bench/figures.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";
import { newestAt } from "./ailments.ts";
import { disturbances, disturbedMinute } from "./disturbances.ts";
import { differing } from "./isolation.ts";
import { LagProbe } from "./lag-probe.ts";
import { type Resident, Residents } from "./residents.ts";
import { type Held, type Minute, type SoakFigures, soakFaults } from "./soak-faults.ts";
import { SteadyWriter } from "./steady-writer.ts";
import { growth } from "./trend.ts";
import { TwoServices } from "./two-services.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  /** For configuration and logs. */
  readonly folder: string;
  readonly progress: (line: string) => void;
}

export interface Soak extends SoakFigures {
  readonly minutes: number;
  readonly seed: number;
  readonly faults: readonly string[];
}

/** Half of its statements' work: what a machine of two cores does beside its servers for as long as one likes. */
const rate = { rowsPerSecond: 1000, rowsAtOnce: 20 };

/** Rows that are there at a time: those before are changed once, and then deleted. */
const kept = 100_000;

const churnSql = `
  WITH gone AS (DELETE FROM ill_event WHERE id BETWEEN $1 - ${kept} AND $2 - ${kept}),
       changed AS (UPDATE ill_event SET note = note || ', changed' WHERE id BETWEEN $1 - 1000 AND $2 - 1000)
  INSERT INTO ill_event SELECT id, 'what became of ' || id FROM generate_series($1::bigint, $2::bigint) id`;

/** Samples of memory and handles that make one figure: a quarter of a minute. */
const samplesOfFigure = 60;

export async function soak({ minutes, seed, folder, progress }: SoakOptions): Promise<Soak> {
  await using stack = await startLocalStack({ progress: () => undefined });
  const { source, target, kafka, registry } = stack;
  await using sourceProxy = await TcpProxy.start(() => ({ host: "127.0.0.1", port: source.port }));
  await using targetProxy = await TcpProxy.start(() => ({ host: "127.0.0.1", port: target.port }));
  const through = { [source.port]: sourceProxy.port, [target.port]: targetProxy.port };
  const servers = { source: source.url(), target: target.url(), illTarget: target.url(), kafka: kafka.brokers, registry: registry.url };
  await using services = await TwoServices.open(servers, folder, { run: "soak", through });
  const disturbed = { source: source.url(), target: target.url(), proxies: { source: sourceProxy, target: targetProxy }, broker: kafka };
  const pids = [services.connectors.pid, services.appliers.pid];
  const writer = new SteadyWriter(services.sourceUrl, services.ill.table, rate, 0, churnSql);
  const probe = new LagProbe(services.sourceUrl, services.sound.targetUrl, services.sound.table);
  const residents = new Residents({ connectors: () => services.connectors.pid, appliers: () => services.appliers.pid });
  const counts = Object.fromEntries(disturbances.map((each) => [each, 0]));
  const latency: Minute[] = [];
  try {
    await waitFor(() => probe.arrived > 0, { what: "the first row", timeout: 60_000 });
    probe.take();
    for (let minute = 1; minute <= minutes; minute += 1) {
      // The first one is for heaps and compilers.
      if (minute <= 2) residents.take();
      for (const done of await disturbedMinute(disturbed, seed, minute)) counts[done]! += 1;
      const lags = probe.take();
      latency.push({
        minute,
        p50Ms: round(quantile(lags, 0.5), 1),
        p99Ms: round(quantile(lags, 0.99), 1),
        maxMs: round(quantile(lags, 1), 1),
        rows: lags.length,
        rssMb: Object.fromEntries(residents.newest()),
      });
      progress(JSON.stringify(latency.at(-1)));
    }
    const held = residents.take();
    const rows = await writer.stop();
    await waitFor(async () => (await newestAt(services.ill.targetUrl, services.ill.table)) === rows, { what: "the last row", timeout: 120_000 });
    await probe.stop();
    let different = 0;
    for (const side of [services.ill, services.sound]) different += await differing(services.sourceUrl, side);
    const settled = latency.slice(1);
    const result = {
      minutes,
      seed,
      rows,
      disturbances: counts,
      latency,
      latencyGrowth: { p50: round(growth(settled.map(({ p50Ms }) => p50Ms)), 3), p99: round(growth(settled.map(({ p99Ms }) => p99Ms)), 3) },
      processes: Object.fromEntries([...held].map(([name, samples]) => [name, heldBy(samples)])),
      different,
    };
    const lived =
      services.connectors.isRunning && services.appliers.isRunning && [services.connectors.pid, services.appliers.pid].join() === pids.join();
    return { ...result, faults: soakFaults(result, lived) };
  } finally {
    residents.stop();
    await Promise.allSettled([writer.stop(), probe.stop()]);
  }
}

function heldBy(samples: readonly Resident[]): Held {
  const starts = Array.from({ length: Math.ceil(samples.length / samplesOfFigure) }, (_, i) => i * samplesOfFigure);
  const figures = (of: (sample: Resident) => number): Held["rssMb"] => {
    const medians = starts.map((from) => median(samples.slice(from, from + samplesOfFigure).map(of)));
    return { first: round(medians[0] ?? 0, 1), last: round(medians.at(-1) ?? 0, 1), growth: round(growth(medians), 3) };
  };
  return { figures: starts.length, rssMb: figures(({ rssMb }) => rssMb), handles: figures(({ handles }) => handles) };
}
