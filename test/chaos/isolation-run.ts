/** `npm run chaos -- isolation`: each ailment on services of its own, with servers of its own. */
import { startLocalStack } from "../../infra/local/stack.ts";
import { round } from "../bench/figures.ts";
import { ailments } from "./ailments.ts";
import { isolation } from "./isolation.ts";
import { type IsolationCase, isolationFaults } from "./isolation-faults.ts";
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
  readonly cases: Readonly<Record<string, IsolationCase>>;
  /** What is not as it must be. */
  readonly faults: readonly string[];
  readonly seconds: number;
}

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
  const cases: Record<string, IsolationCase> = {};
  const faults: string[] = [];
  for (const [name, ailment] of wanted) {
    await using services = await TwoServices.open(servers, folder, { run: name });
    const figures = await isolation(services, { ...rate, ailment, server: own.target, events, patienceMs, progress });
    const { before, during } = figures.soundLagMs;
    const found = { ...figures, lagRatio: { p50: round(during.p50 / before.p50, 2), p90: round(during.p90 / before.p90, 2) } };
    cases[name] = found;
    faults.push(...isolationFaults(found, ailment).map((fault) => `${name}: ${fault}`));
    progress(`${name}: ${JSON.stringify(found)}`);
  }
  return { events, cases, faults, seconds: round((performance.now() - began) / 1000, 1) };
}
