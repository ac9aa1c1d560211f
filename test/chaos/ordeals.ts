/**
 * Short courses of what can go wrong, and what the oracle finds after each: nothing where the product is whole, and something that has a name where one of its
 * defences was taken out (controls.ts).
 */
import { waitFor } from "../support/wait-for.ts";
import { at, BankPipeline, type BankOptions, type BankServers } from "./bank-pipeline.ts";
import type { Clerk } from "./clerk.ts";
import { operatorErrors } from "./last-words.ts";
import { TargetWatcher } from "./target-watcher.ts";
import { differing, judge } from "./verdict.ts";
import type { Victim } from "./victim.ts";

export type Count = "lost" | "duplicated" | "halfVisible" | "chainBreaks" | "topicDuplicates";

export interface Findings {
  readonly counts: Readonly<Record<Count, number>>;
  /** Looks at the target meanwhile. */
  readonly reads: number;
  /** Codes of what connector and applier stopped with, until somebody would have come. */
  readonly stopped: readonly string[];
}

export type Ordeal = (servers: BankServers, options: BankOptions) => Promise<Findings>;

type Course = (bank: BankPipeline, clerk: Clerk, watcher: TargetWatcher) => Promise<void>;

const patience = { timeout: 60_000 };

function ordeal(course: Course): Ordeal {
  return async (servers, options) => {
    const bank = await BankPipeline.open(servers, { ...options, environment: { OFFTAKE_FAILPOINT: "later" } });
    const watcher = new TargetWatcher(bank.targetUrl);
    const clerk = bank.clerk(0);
    try {
      await course(bank, clerk, watcher);
      const { lost, duplicated, chainBreaks, topicDuplicates } = await judge(bank);
      const { halfVisible, reads } = await watcher.stop();
      return { counts: { lost, duplicated, halfVisible, chainBreaks, topicDuplicates }, reads, stopped: stops(bank) };
    } finally {
      await Promise.allSettled([clerk.leave(), watcher.stop()]);
      await bank.close();
    }
  };
}

function stops({ connector, applier }: BankPipeline): string[] {
  return [...new Set([connector, applier].flatMap(operatorErrors))];
}

function timesFired(victim: Victim, place: string): number {
  return victim.lines.filter(({ failpoint }) => failpoint === place).length;
}

async function transactions(clerk: Clerk, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await clerk.transact();
}

/** Until there is nothing more to come: all is there, or somebody has stopped, or it comes to nothing. */
async function untilOver(bank: BankPipeline, clerk: Clerk): Promise<void> {
  await transactions(clerk, 3);
  const newest = [...bank.ledger.acknowledged.keys()].at(-1)!;
  const isOver = async (): Promise<boolean> => stops(bank).length > 0 || (await bank.hasArrived(newest)) || (await differing(bank)) === 0;
  await waitFor(isOver, { what: "the target to be equal, or somebody to stop", ...patience });
}

/** The applier dies between the target's commit and its own knowledge of it; the connector just behind a confirmation, while nothing reaches Kafka. */
export const killedBetween = ordeal(async (bank, clerk) => {
  const { connector, applier } = bank;
  await transactions(clerk, 5);
  await clerk.transact(true);
  applier.arm("before-target-commit-acknowledged:kill");
  while (applier.isRunning) await clerk.transact();
  // Many changes of one row in one batch.
  await transactions(clerk, 100);
  applier.restart();

  // Nothing arrives at Kafka any more.
  connector.arm("before-produce-sent:drop:1+");
  while (timesFired(connector, "before-produce-sent") === 0) await clerk.transact();
  // By then what had arrived before is confirmed.
  await waitFor(() => timesFired(connector, "before-produce-sent") > 4, { what: "events not to arrive", ...patience });
  connector.arm("after-slot-confirmed:kill");
  await transactions(clerk, 5);
  const tried = timesFired(connector, "before-produce-sent");
  await waitFor(() => !connector.isRunning || timesFired(connector, "before-produce-sent") > tried + 5, {
    what: "events not to arrive",
    ...patience,
  });
  if (connector.isRunning) connector.arm("before-produce-sent:1");
  await connector.died();
  connector.restart();
  await untilOver(bank, clerk);
  if (stops(bank).length > 0) return;

  // And where nothing is on the way.
  connector.arm("after-slot-confirmed:kill");
  await clerk.transact(false);
  await connector.died();
  connector.restart();
  await untilOver(bank, clerk);
});

/** Kafka loses a batch that it has acknowledged: that is planted, by controls.ts. */
export const batchLost = ordeal(async (bank, clerk) => {
  // A slow machine puts more into a batch: after a given number of transactions there may not have been enough of them.
  while (timesFired(bank.connector, "batch-lost") === 0) await clerk.transact();
  await transactions(clerk, 5);
  await untilOver(bank, clerk);
});

/** Transactions of thousands of rows come in pieces, and somewhere between two of them the applier stands still: who reads meanwhile has the time to see a part. */
export const inPieces = ordeal(async (bank, clerk, watcher) => {
  const { applier } = bank;
  const ofPieces = (): number => applier.lines.filter(({ msg }) => msg?.startsWith("a transaction larger than a batch") === true).length;
  // Not each of them is large enough, and a heartbeat may have the statement at which it stands: a few, or until a part was seen.
  while (ofPieces() < 4 && watcher.seen.halfVisible === 0) {
    applier.arm("before-statement:1000:8");
    await clerk.transact(true);
    const newest = [...bank.ledger.acknowledged.keys()].at(-1)!;
    await waitFor(async () => bank.hasArrived(newest), { what: "a transaction of thousands of rows", ...patience });
  }
  applier.arm("before-statement:1");
  await untilOver(bank, clerk);
});

/** A connector stands still with a batch in its hand, and goes on when another has taken its place. */
export const zombie = ordeal(async (bank, clerk) => {
  await transactions(clerk, 3);
  bank.connector.arm("before-produce-sent:1000");
  while (timesFired(bank.connector, "before-produce-sent") === 0) await clerk.transact();
  process.kill(bank.connector.pid, "SIGSTOP");
  await at(bank.sourceUrl, async (client) =>
    client.query("SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots WHERE slot_name = $1 AND active", [bank.name]),
  );
  const second = bank.spawn("connector", "second");
  try {
    await untilOver(bank, clerk);
    process.kill(bank.connector.pid, "SIGCONT");
    // It has tried to send, and knows that it is not the one any more.
    await waitFor(() => bank.connector.lines.some(({ err }) => err !== undefined), { what: "the first connector to be refused", ...patience });
  } finally {
    await second.kill();
  }
});
