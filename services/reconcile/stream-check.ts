/**
 * Looks at rows that the stream has just changed, so that one that is wrong at the target is known within seconds, and not at the next pass. What it looks at is a sample: of a table that
 * changes faster than rows are read here, the others are left to the passes. Rows are judged as those of a pass are (candidates.ts): lag is never a mismatch here either.
 */
import type { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { commitOffset, committedOffset, groupOf } from "../../connectors/kafka/offsets.ts";
import type { EventPlan } from "../../schemas/event-plan.ts";
import type { EventReader } from "../../schemas/event-reader.ts";
import { Change } from "../apply/change-log.ts";
import { keyColumns } from "../apply/parked-keys.ts";
import type { Configuration, ServiceConfiguration } from "../runtime/configuration.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { fullName, type TableName } from "../runtime/table-pattern.ts";
import type { Decided } from "./candidates.ts";
import { keyOfEvent } from "./change-texts.ts";
import { type Place, TopicFollower } from "./topic-follower.ts";
import { isOfTable, type ServicePasses } from "./reconcile-service.ts";
import { ReverifyQueue, type Waiting } from "./reverify-queue.ts";

/** Rows of one look, and milliseconds between two: what a look costs the source is one read by an index. */
const rowsOfLook = 500;
const lookMs = 250;

/** Milliseconds between commits of the group's offset, which only other people's tools read. */
const commitEveryMs = 5000;

export interface StreamCheckOptions {
  readonly configuration: Configuration;
  readonly service: ServiceConfiguration;
  /** Its own: it uses them while passes use theirs. */
  readonly passes: ServicePasses;
  /** Whether rows of a table of the source are looked at. */
  readonly takes: (table: TableName) => boolean;
  /** Told of each look; what it throws ends the check. */
  readonly looked: (waiting: Waiting, decided: Decided) => Promise<void>;
}

/** Records of the topic that were applied while nobody looked, of which the rows are looked at: those of a restart. */
const mostBehind = 20_000;

/** The consumer group of the stream check of a service. */
function streamCheckGroup(service: string): string {
  return `${groupOf(service)}.reconciler`;
}

/** Until it is stopped. @throws OfftakeError of the topic, of source and target, and what `looked` throws */
export async function checkStream(options: StreamCheckOptions, signal: AbortSignal): Promise<void> {
  const { configuration, service, passes, takes } = options;
  const queue = new ReverifyQueue();
  const tables = new Map<EventPlan, { readonly name: string; readonly key: readonly string[]; readonly taken: boolean }>();
  const tableOf = (plan: EventPlan) => {
    const known = tables.get(plan) ?? { name: fullName(plan), key: keyColumns(plan), taken: plan.keys.length > 0 && takes(plan) };
    tables.set(plan, known);
    return known;
  };
  const note = (event: EventReader): void => {
    const { plan, op } = event;
    const { name, key, taken } = tableOf(plan);
    if (!taken) return;
    if (op === Change.truncate) queue.clear(name);
    else if (queue.isFull(name)) queue.leftOut += 1;
    else queue.add(plan, key, keyOfEvent(event, plan.keys));
  };
  const stopped = new AbortController();
  const both = AbortSignal.any([signal, stopped.signal]);
  const from = async (cluster: KafkaCluster): Promise<Place> => {
    const applied = await passes.appliedOffset();
    const left = (await committedOffset(cluster, streamCheckGroup(service.name), service.topic)) ?? applied;
    return { offset: Math.min(Math.max(left, applied - mostBehind), applied), commitLsn: 0n, sequence: 0 };
  };
  const follower = await TopicFollower.open(configuration, service, from, { event: note, takenOver: () => {} });
  const running = [follower.run(both), look(options, queue, both), commit(follower, service, both)];
  try {
    await Promise.all(running);
  } finally {
    stopped.abort();
    await Promise.allSettled(running);
    await follower.close();
  }
}

async function look({ passes, looked }: StreamCheckOptions, queue: ReverifyQueue, signal: AbortSignal): Promise<void> {
  while ((await waitOrStop(lookMs, signal)) === "elapsed") {
    const waiting = queue.take(rowsOfLook);
    if (waiting === undefined || (await passes.uncopied(waiting.table)) !== undefined) continue;
    let decided: Decided;
    try {
      await passes.rests();
      decided = await passes.again(waiting.table, waiting.keys, waiting.columns);
    } catch (error) {
      // A pass says what is wrong with the table.
      if (!isOfTable(asOfftakeError(error))) throw error;
      continue;
    }
    // Outside: what the control database refuses is no fault of the table, and what was found would be lost without a word.
    await looked(waiting, decided);
  }
}

async function commit(follower: TopicFollower, { name, topic }: ServiceConfiguration, signal: AbortSignal): Promise<void> {
  for (let committed = -1; ;) {
    if (follower.next !== committed) {
      committed = follower.next;
      await commitOffset(follower.cluster, streamCheckGroup(name), topic, committed);
    }
    if ((await waitOrStop(commitEveryMs, signal)) === "stopped") return;
  }
}
