/**
 * A run of kills: servers of its own, a bank under load, and rounds of kills of whatever stands between a commit at the source and a row at the target. Behind each
 * round a transfer that was acknowledged after it has to arrive; at the end everything is held against the ledger.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type LocalStack, startLocalStack } from "../../infra/local/stack.ts";
import { waitFor } from "../support/wait-for.ts";
import { BankPipeline } from "./bank-pipeline.ts";
import { type Kill, type Killed, killed, killRounds } from "./kill-rounds.ts";
import { lastWords, operatorErrors } from "./last-words.ts";
import { TargetWatcher } from "./target-watcher.ts";
import { judge, settled, type Verdict } from "./verdict.ts";
import type { Victim } from "./victim.ts";

export interface KillRunOptions {
  readonly kills: number;
  readonly seed: number;
  /** For configuration, ledger and logs. */
  readonly folder: string;
  readonly progress: (line: string) => void;
}

export interface KillRun extends Omit<Verdict, "rows"> {
  readonly kills: number;
  readonly seed: number;
  readonly halfVisible: number;
  readonly wentBack: number;
  readonly reads: number;
  readonly killed: Readonly<Record<Killed, number>>;
  /** Errors of connector and applier that wait for a person, by code: nobody was needed. */
  readonly neededSomebody: readonly string[];
  readonly seconds: number;
}

const clerks = 3;

/** Milliseconds between the transactions of a clerk, on average: the kills are to meet a pipeline that works, not one that is behind. */
const pauseMs = 25;

/** Milliseconds after which a transfer that was acknowledged behind the last kill of a round must have arrived. */
const patienceMs = 120_000;

/** A server or a process, and how it comes back. */
interface Mortal {
  kill(): Promise<void>;
  start(): Promise<void>;
}

function process(victim: Victim): Mortal {
  return { kill: async () => victim.kill(), start: async () => victim.restart() };
}

function mortals(stack: LocalStack, bank: BankPipeline): Readonly<Record<Killed, Mortal>> {
  const { source, target, kafka, registry } = stack;
  return {
    connector: process(bank.connector),
    applier: process(bank.applier),
    source: { kill: async () => source.stop("immediate"), start: async () => source.start() },
    target: { kill: async () => target.stop("immediate"), start: async () => target.start() },
    broker: { kill: async () => kafka.kill(), start: async () => kafka.start() },
    registry: { kill: async () => registry.kill(), start: async () => registry.start() },
  };
}

/** @throws Error that names seed and round, when the pipeline does not get through again */
export async function killRun(options: KillRunOptions): Promise<KillRun> {
  const { kills, seed, folder, progress } = options;
  const stack = await startLocalStack({ progress: () => undefined });
  const began = performance.now();
  const stopping = new AbortController();
  let bank: BankPipeline | undefined;
  try {
    const { source, target, kafka, registry } = stack;
    const servers = { source: source.url(), target: target.url(), kafka: kafka.brokers, registry: registry.url };
    bank = await BankPipeline.open(servers, { folder, seed });
    progress(`seed ${seed}: the bank is open after ${seconds(began)} s; logs are in ${folder}`);
    const watcher = new TargetWatcher(bank.targetUrl);
    const opened = bank;
    const load = Array.from({ length: clerks }, () => opened.clerk(pauseMs)).map(async (clerk) => clerk.work(stopping.signal));
    const working = Promise.all(load);
    // Heard below, or where the next round is waited for.
    working.catch(() => undefined);
    const counts = await rounds(killRounds(kills, seed), mortals(stack, bank), bank, options, working);
    stopping.abort();
    await working;
    progress(`seed ${seed}: the load is over after ${seconds(began)} s; waiting until the target is equal`);
    await settled(bank, patienceMs).catch(async (error: unknown) => {
      throw new Error(`seed ${seed}: at the end, ${JSON.stringify(await judge(opened))}; ${lastWords(opened)}`, { cause: error });
    });
    const { reads, halfVisible, wentBack } = await watcher.stop();
    const { rows, ...verdict } = await judge(bank);
    progress(`seed ${seed}: ${rows} rows of the target were compared`);
    const neededSomebody = [...new Set([bank.connector, bank.applier].flatMap(operatorErrors))];
    return { kills, seed, ...verdict, halfVisible, wentBack, reads, killed: counts, neededSomebody, seconds: seconds(began) };
  } finally {
    stopping.abort();
    await Promise.all([bank?.connector.kill(), bank?.applier.kill()]);
    bank?.ledger.close();
    await stack.stop();
  }
}

async function rounds(
  plan: readonly (readonly Kill[])[],
  all: Readonly<Record<Killed, Mortal>>,
  bank: BankPipeline,
  { seed, kills, progress }: KillRunOptions,
  working: Promise<unknown>,
): Promise<Record<Killed, number>> {
  const counts: Record<Killed, number> = { connector: 0, applier: 0, source: 0, target: 0, broker: 0, registry: 0 };
  const began = performance.now();
  for (const [i, round] of plan.entries()) {
    const back = new Map<Killed, Promise<void>>();
    for (const { who, afterMs, awayMs } of round) {
      await sleep(afterMs);
      // One that is away comes back first.
      await back.get(who);
      await all[who].kill();
      counts[who] += 1;
      const returning = sleep(awayMs).then(async () => all[who].start());
      // Heard when the round is over.
      returning.catch(() => undefined);
      back.set(who, returning);
    }
    await Promise.all(back.values());
    const done = killed.reduce((sum, who) => sum + counts[who], 0);
    const what = `a transfer from behind round ${i + 1} (${round.map(({ who }) => who).join(", ")}) to arrive`;
    const arrived = async (): Promise<void> => {
      const before = bank.ledger.acknowledged.size;
      const newest = await waitFor(() => [...bank.ledger.acknowledged.keys()][before], { what: "an acknowledged transfer", timeout: patienceMs });
      await waitFor(async () => bank.hasArrived(newest), { what, timeout: patienceMs });
    };
    await Promise.race([arrived(), working.then(async () => Promise.reject(new Error("the load has ended by itself")))]).catch((error: unknown) => {
      throw new Error(`seed ${seed}, kill ${done} of ${kills}: ${lastWords(bank)}`, { cause: error });
    });
    if (i % 10 === 9 || i === plan.length - 1)
      progress(`seed ${seed}: ${done} of ${kills} kills, ${bank.ledger.acknowledged.size} transfers, ${seconds(began)} s`);
  }
  return counts;
}

function seconds(began: number): number {
  return Math.round((performance.now() - began) / 100) / 10;
}
