/**
 * `npm run chaos -- isolation`: each ailment on services of its own, with servers of its own, and what must hold of the figures.
 *
 * Lags are compared with those of the same service a minute before, under the same load, and not with a time: what a machine can do is not what is asked.
 */
import { startLocalStack } from "../../infra/local/stack.ts";
import { round } from "../bench/figures.ts";
import { ailments } from "./ailments.ts";
import { type Isolation, isolation } from "./isolation.ts";
import { TwoServices } from "./two-services.ts";

export interface IsolationRunOptions {
  readonly events: number;
  /** Of ailments.ts; all where it is left out. */
  readonly only: string | undefined;
  /** For configuration and logs. */
  readonly folder: string;
  readonly progress: (line: string) => void;
}

export interface IsolationRun {
  readonly events: number;
  readonly cases: Readonly<Record<string, Isolation & { readonly lagRatio: { readonly p50: number; readonly p90: number } }>>;
  /** What is not as it must be. */
  readonly faults: readonly string[];
  readonly seconds: number;
}

/** How much longer the sound service's rows may be on their way, half of them and nine of ten of them, than before. */
export const lagBounds = { p50: 1.5, p90: 2 };

/** How much larger a process may be in the last third of the time in which events come to wait than in the first: a heap breathes. */
export const memoryBound = 1.25;

/** A load that a machine of two cores carries with a core to spare: where it does not, what is measured is the machine. */
const rate = { rowsPerSecond: 15_000, rowsAtOnce: 100 };

const patienceMs = 1_200_000;

export async function isolationRun({ events, only, folder, progress }: IsolationRunOptions): Promise<IsolationRun> {
  const began = performance.now();
  const wanted = Object.entries(ailments).filter(([name]) => only === undefined || name === only);
  if (wanted.length === 0) throw new Error(`--case ${only}: expected one of ${Object.keys(ailments).join(", ")}`);
  await using stack = await startLocalStack({ progress: () => undefined });
  await using own = await startLocalStack({ servers: ["target"], progress: () => undefined });
  const { source, target, kafka, registry } = stack;
  const servers = { source: source.url(), target: target.url(), kafka: kafka.brokers, registry: registry.url, illTarget: own.target.url() };
  const cases: Record<string, IsolationRun["cases"][string]> = {};
  for (const [name, ailment] of wanted) {
    await using services = await TwoServices.open(servers, folder, { run: name });
    const found = await isolation(services, { ...rate, ailment, server: own.target, events, patienceMs, progress });
    const { before, during } = found.soundLagMs;
    const lagRatio = { p50: round(during.p50 / before.p50, 2), p90: round(during.p90 / before.p90, 2) };
    cases[name] = { ...found, lagRatio };
    progress(`${name}: ${JSON.stringify(cases[name])}`);
  }
  const faults = Object.entries(cases).flatMap(([name, found]) => faultsOf(found, name));
  return { events, cases, faults, seconds: round((performance.now() - began) / 1000, 1) };
}

function faultsOf(found: IsolationRun["cases"][string], name: string): string[] {
  const { waitsIn, says } = ailments[name]!;
  const memory = Object.entries(found.rssMb).map(([process, { first, last }]): [string, boolean] => [
    `the ${process} grew from ${first} to ${last} MB`,
    last > first * memoryBound,
  ]);
  const all: [string, boolean][] = [
    [`the other service's lag is ${found.lagRatio.p50} of what it was`, !(found.lagRatio.p50 <= lagBounds.p50)],
    [`nine of ten of its rows took ${found.lagRatio.p90} of what they did`, !(found.lagRatio.p90 <= lagBounds.p90)],
    [`the other service says ${found.soundErrors.join(", ")}`, found.soundErrors.length > 0],
    [`the slot ${found.illSlotMoved ? "moved" : "did not move"}`, found.illSlotMoved !== (waitsIn === "topic")],
    ["the other service's slot did not move", !found.soundSlotMoved],
    [`it says ${found.says.join(", ")}, and not ${says.join(", ")}`, says.some((code) => !found.says.includes(code))],
    [`${found.different} rows differ`, found.different > 0],
    [`${found.parked} keys are parked`, found.parked > 0],
    ...memory,
  ];
  return all.filter(([, wrong]) => wrong).map(([what]) => `${name}: ${what}`);
}
