/**
 * Makes a connector the one writer of its topic, and finds out where the topic ends.
 *
 * The order is what makes it safe: (1) the slot's stream is ours, so nobody else gets new changes; (2) a new producer epoch; (3) a marker with
 * it, after which the broker refuses the batches that a predecessor may still have on the wire; (4) only now is the topic's end final, and read.
 *
 * A transactional id that is used for nothing but its epoch expires (seven days by default), and then hands out another producer id, whose epoch
 * fences nobody. So where the tail was written under another id we wait until a predecessor must have given up by itself, and mark again.
 *
 * Source: docs/decisions/0001-kafka-client.md, "One writer"; KIP-98.
 */
import { AvroWriter } from "../../schemas/avro-bytes.ts";
import type { RecoveredGap, TakeOverMarker } from "../../schemas/offtake-message.ts";
import { interrupted, OfftakeError } from "../../services/runtime/errors.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import type { KafkaCluster } from "../kafka/cluster.ts";
import { Consumer } from "../kafka/consumer.ts";
import { type OffsetRange, offsetRange } from "../kafka/offsets.ts";
import type { Producer } from "../kafka/producer.ts";
import type { ProducerIdentity } from "../kafka/producer-id.ts";
import { RecordBatchWriter } from "../kafka/record-batch.ts";
import type { Registry } from "../kafka/registry.ts";
import { formatLsn } from "./lsn.ts";
import { encodeMessage, encodeProcessed } from "./message-encoder.ts";
import { postgresEpochMicros } from "./replication-messages.ts";
import { checkSource, type Tail, type TimelineHistory } from "./start-checks.ts";
import { readTail, type TailRecord } from "./tail.ts";
import { type SourceNames, Transaction } from "./transaction.ts";

/** Milliseconds after which a connector that has no proof that the slot is still its own stops producing. */
export const producerDeadline = 30_000;

export interface TakeOver {
  readonly cluster: KafkaCluster;
  readonly registry: Registry;
  readonly topic: string;
  readonly connector: string;
  readonly slot: string;
  readonly names: SourceNames;
  readonly history: TimelineHistory;
  /** Of the registered message schema. */
  readonly messageSchemaId: number;
  readonly signal: AbortSignal;
}

/** How a marker gets into the topic; resolves with its offset once it is durable. */
export type PutMarker = (batch: RecordBatchWriter) => Promise<number>;

/**
 * Sends a batch and waits for it; the producer must have nothing else to do.
 *
 * @param signal ends the wait for a cluster that does not answer
 * @returns rejects with why the producer has failed, now or before, or INTERRUPTED
 */
export function markerThrough(producer: Producer, signal: AbortSignal): PutMarker {
  return async (batch) => {
    if (producer.failure !== undefined) throw producer.failure;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const stop = (): void => reject(interrupted("a take-over marker was in the topic"));
    const before = producer.events;
    producer.events = { ...before, durable: (_records, baseOffset) => resolve(baseOffset), failed: reject };
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    else producer.send(batch);
    try {
      return await promise;
    } finally {
      producer.events = before;
      signal.removeEventListener("abort", stop);
    }
  };
}

/**
 * @param identity of the producer that putMarker writes with
 * @returns the topic's tail, final
 * @throws OfftakeError TOPIC_WITHOUT_TAIL when nothing of ours is in the topic, TOPIC_RECREATED, SOURCE_IDENTITY_CHANGED, TIMELINE_DIVERGED,
 *   INTERRUPTED, and what readTail and the producer throw
 */
export async function takeOver(context: TakeOver, identity: ProducerIdentity, putMarker: PutMarker): Promise<TailRecord> {
  const { cluster, registry, topic, names, history, signal } = context;
  const consumer = new Consumer(cluster, topic, signal, () => {});
  try {
    const range = await offsetRange(cluster, topic);
    let tail = await readTail(consumer, registry, topic, range, range.end);
    if (tail === undefined) throw withoutTail(context, range.start > 0);
    if (tail.commitLsn === 0n)
      throw new OfftakeError("TOPIC_WITHOUT_TAIL", `The topic ${topic} was opened, and its slot was not created any more.`, {
        cure: "Run `offtake up`, which goes on where it was interrupted.",
      });
    await checkOpening(consumer, registry, topic, range);
    checkSource(tail, names.identity, history, topic);
    // One that died while it waited has left its marker, under the very id that this one has: the predecessor may still be there.
    if (tail.producerId !== identity.producerId || !tail.settled) {
      await putMarker(marker(context, tail, false));
      if ((await waitOrStop(producerDeadline, signal)) === "stopped") throw interrupted(`a predecessor on the topic ${topic} must have given up`);
      tail = (await readTail(consumer, registry, topic, range, (await offsetRange(cluster, topic)).end)) ?? tail;
    }
    // The marker repeats the tail that was there before it, under the source's present identity: what does not belong to that must not be repeated, or the
    // next start would take it for its own. Where a predecessor has put more in between, another marker repeats that, and nobody can have put anything
    // between the two.
    for (let repeated: Tail | undefined; repeated === undefined || repeated.commitLsn !== tail.commitLsn || repeated.sequence !== tail.sequence;) {
      repeated = tail;
      checkSource(tail, names.identity, history, topic);
      const offset = await putMarker(marker(context, tail, true));
      tail = (await readTail(consumer, registry, topic, range, offset + 1)) ?? tail;
    }
    return tail;
  } finally {
    consumer.close();
  }
}

/**
 * A topic that still has its first record begins with the marker that opened it. One that was deleted and made again under a connector that wrote to it
 * begins with whatever was on the way.
 *
 * @throws OfftakeError TOPIC_RECREATED
 */
async function checkOpening(consumer: Consumer, registry: Registry, topic: string, range: OffsetRange): Promise<void> {
  const first = range.start === 0 ? await readTail(consumer, registry, topic, range, 1) : undefined;
  if (first === undefined || first.marker) return;
  throw new OfftakeError(
    "TOPIC_RECREATED",
    `The topic ${topic} begins with an event of ${formatLsn(first.commitLsn)}, and not with the marker that opens it.`,
    {
      cure: "It was deleted and made again while it was being written: what was in the old one is gone. Drop the slot, run `offtake up`, and copy the tables again.",
    },
  );
}

/**
 * Puts a marker in front of all events.
 *
 * @param start where the slot's stream begins; 0 while there is no slot yet
 */
export async function openTopic(context: TakeOver, start: bigint, putMarker: PutMarker): Promise<void> {
  const { systemIdentifier, timeline } = context.names.identity;
  const begin = { commitLsn: start, sequence: 0, last: true, previous: undefined, systemIdentifier, timeline, event: undefined };
  await putMarker(marker(context, begin, true));
}

/**
 * Puts a marker behind a gap that is known: the slot was made anew, and what was committed between the topic's tail and its start is in no stream. Whoever follows the
 * chain passes this gap and no other: the marker says behind which position it is.
 *
 * @param tail final
 * @param start where the new slot's stream begins
 * @param gap the tables that are to be copied for it, which must be marked by now, and what they are marked for
 */
export async function reopenTopic(
  context: TakeOver,
  tail: Tail,
  start: bigint,
  gap: Omit<RecoveredGap, "after">,
  putMarker: PutMarker,
): Promise<void> {
  // Where nothing was ever published, nothing has been passed, and the topic begins here.
  if (tail.sequence === 0 && tail.previous === undefined) return openTopic(context, start, putMarker);
  const { systemIdentifier, timeline } = context.names.identity;
  const begin = { commitLsn: start, sequence: 0, last: true, previous: tail.commitLsn, systemIdentifier, timeline, event: undefined };
  const after = { commitLsn: String(tail.commitLsn), sequence: tail.sequence };
  await putMarker(marker(context, begin, true, { ...gap, after }));
}

function withoutTail({ topic, slot }: TakeOver, expired: boolean): OfftakeError {
  const why = expired ? "retention has removed every record" : "it is empty";
  return new OfftakeError("TOPIC_WITHOUT_TAIL", `The topic ${topic} does not show what was published from the slot ${slot}: ${why}.`, {
    cure: "A new topic is opened by `offtake up`, together with a new slot. If the topic was made again, its events are lost: drop the slot, run `offtake up`, and copy the tables again.",
  });
}

function marker(context: TakeOver, tail: Tail, settled: boolean, recovered?: RecoveredGap): RecordBatchWriter {
  const { systemIdentifier, timeline } = context.names.identity;
  const content: TakeOverMarker = {
    kind: "take-over",
    connector: context.connector,
    slot: context.slot,
    systemIdentifier,
    timeline,
    history: context.history.map((entry) => ({ timeline: entry.timeline, endedAt: String(entry.endedAt) })),
    commitLsn: String(tail.commitLsn),
    sequence: tail.sequence,
    last: tail.last,
    settled,
    ...(tail.order === undefined ? {} : { order: tail.order }),
    ...(tail.xid === undefined ? {} : { xid: tail.xid }),
    ...(tail.previous === undefined ? {} : { previous: String(tail.previous) }),
    ...(tail.event === undefined ? {} : { event: tail.event }),
    ...(recovered === undefined ? {} : { recovered }),
  };
  const transaction = new Transaction(context.names, undefined);
  transaction.begin(tail.commitLsn, BigInt(Date.now()) * 1000n - postgresEpochMicros, 0, tail.previous);
  transaction.sequence = tail.sequence;
  const batch = new RecordBatchWriter("none", 4096);
  const bytes = Buffer.from(JSON.stringify(content));
  const lsn = { high: Number(tail.commitLsn >> 32n), low: Number(tail.commitLsn & 0xffffffffn) };
  encodeMessage(batch, context.messageSchemaId, transaction, encodeProcessed(new AvroWriter(32), Date.now()), lsn, {
    bytes,
    start: 0,
    end: bytes.length,
  });
  return batch;
}
