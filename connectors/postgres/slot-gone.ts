/**
 * Why a slot is not there any more, or of no use. "It does not exist" sends somebody to look who has dropped it, while a standby was promoted that never had it; and it does
 * not say what is missing, which only the topic's tail knows.
 *
 * Source: ARCHITECTURE.md, "Connector"; PostgreSQL documentation, "Logical Decoding", Replication Slot Synchronization.
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { KafkaCluster } from "../kafka/cluster.ts";
import { Consumer } from "../kafka/consumer.ts";
import { offsetRange } from "../kafka/offsets.ts";
import type { Registry } from "../kafka/registry.ts";
import { formatLsn } from "./lsn.ts";
import type { SourceIdentity } from "./replication-stream.ts";
import { checkSource, type Tail, type TimelineHistory } from "./start-checks.ts";
import { readTail } from "./tail.ts";

export interface SlotGone {
  readonly identity: SourceIdentity;
  readonly history: TimelineHistory;
  readonly slot: string;
  readonly topic: string;
}

/**
 * Pure. @param tail of a topic that has events of the slot
 * @returns SLOT_MISSING
 * @throws OfftakeError SOURCE_IDENTITY_CHANGED, TIMELINE_DIVERGED where the source itself is not what it was
 */
export function slotGone(tail: Tail, { identity, history, slot, topic }: SlotGone): OfftakeError {
  checkSource(tail, identity, history, topic);
  const missing = `the topic ${topic} ends at ${formatLsn(tail.commitLsn)}, and what was committed after that is in no stream`;
  const left = history.find(({ timeline }) => timeline === tail.timeline);
  if (left === undefined)
    return new OfftakeError("SLOT_MISSING", `The slot ${slot} is gone: ${missing}.`, {
      cure: "It was dropped, and the WAL since then with it.",
    });
  return new OfftakeError(
    "SLOT_MISSING",
    `The source was promoted, from timeline ${tail.timeline} to ${identity.timeline} at ${formatLsn(left.endedAt)}, and the slot ${slot} did not come along: ${missing}.`,
    {
      cure: "With `failover: true` a slot comes along (PostgreSQL 17 and later).",
    },
  );
}

/**
 * Looks at the topic for why the slot is missing, and what is missing with it.
 *
 * @param error SLOT_MISSING or SLOT_LOST
 * @returns what slotGone says, or the error with what is missing; the error itself where the topic has no events, or cannot be asked
 */
export async function whySlotIsMissing(
  error: OfftakeError,
  gone: SlotGone,
  kafka: { readonly cluster: KafkaCluster; readonly registry: Registry; readonly signal: AbortSignal },
): Promise<OfftakeError> {
  const consumer = new Consumer(kafka.cluster, gone.topic, kafka.signal, () => {});
  try {
    const range = await offsetRange(kafka.cluster, gone.topic);
    const tail = await readTail(consumer, kafka.registry, gone.topic, range, range.end);
    if (tail === undefined || tail.commitLsn === 0n) return error;
    if (error.code === "SLOT_MISSING") return slotGone(tail, gone);
    const message = `${error.message} The topic ${gone.topic} ends at ${formatLsn(tail.commitLsn)}, and what was committed after that is in no stream.`;
    return new OfftakeError(error.code, message, { cure: error.cure });
  } catch (other) {
    return other instanceof OfftakeError && (other.code === "SOURCE_IDENTITY_CHANGED" || other.code === "TIMELINE_DIVERGED") ? other : error;
  } finally {
    consumer.close();
  }
}
