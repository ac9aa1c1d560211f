/**
 * Brings slot and topic of a connector into being together, so that a topic without a tail always means that something was lost.
 *
 * The topic gets an opening marker first, then the slot is created, then a marker with the place where the slot's stream begins. A run that dies in
 * between finds the opening marker and goes on; a slot or a topic that is missing while the other has been used is never made good in silence.
 *
 *     topic          slot      what it means
 *     no marker      missing   both are new
 *     opening        either    an earlier run was interrupted: the slot has not been read
 *     events         present   nothing to do
 *     events         missing   the slot was dropped: its WAL is gone (recover-slot.ts)
 *     no marker      present   the topic was made again, or somebody made the slot: its events may be gone
 */
import { messageEnvelopeName, messageSchema } from "../../schemas/envelope.ts";
import { subjectOf } from "../../schemas/avro-names.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../../services/runtime/configuration.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import { version } from "../../services/runtime/version.ts";
import type { KafkaCluster } from "../kafka/cluster.ts";
import { Consumer } from "../kafka/consumer.ts";
import { offsetRange } from "../kafka/offsets.ts";
import { initProducerId, type ProducerIdentity, transactionalIdOf } from "../kafka/producer-id.ts";
import { Producer } from "../kafka/producer.ts";
import type { Registry } from "../kafka/registry.ts";
import { createSlot } from "./create-slot.ts";
import { makeFailoverSlot } from "./failover-slot.ts";
import { ReplicationSession, type SourceIdentity } from "./replication-stream.ts";
import { slotGone } from "./slot-gone.ts";
import { refuseLost, type Slot } from "./slot.ts";
import type { TimelineHistory } from "./start-checks.ts";
import { readTail, type TailRecord } from "./tail.ts";
import { markerThrough, openTopic, type PutMarker, type TakeOver } from "./take-over.ts";

export interface OpenContext {
  readonly configuration: Configuration;
  readonly connector: ConnectorConfiguration;
  readonly service: ServiceConfiguration;
  readonly cluster: KafkaCluster;
  readonly registry: Registry;
  readonly tables: readonly TableName[];
  readonly signal: AbortSignal;
}

/** What has to be done. Pure. @throws OfftakeError TOPIC_WITHOUT_TAIL */
export function openingStep(
  tail: Pick<TailRecord, "commitLsn" | "sequence"> | undefined,
  slot: Slot | undefined,
  names: { topic: string; slot: string },
): "open" | "resume" | "nothing" | "gone" {
  if (tail !== undefined && tail.commitLsn === 0n) return "resume";
  if (tail !== undefined && slot !== undefined) return "nothing";
  if (tail === undefined && slot === undefined) return "open";
  if (slot === undefined) return "gone";
  throw new OfftakeError("TOPIC_WITHOUT_TAIL", `The slot ${names.slot} exists, and the topic ${names.topic} has no event of Offtake.`, {
    cure: "If both are new (somebody made the slot by hand), drop it with pg_drop_replication_slot and run `offtake up` again. If the topic was made again, its events are lost: the service's tables have to be copied again.",
  });
}

/**
 * @param withRows told of the tables with rows from before the slot while a run that dies is still one that was interrupted: afterwards nobody could
 *   find out
 * @returns what became of the slot
 * @throws OfftakeError SLOT_LOST, as openingStep, slotGone, createSlot, and those of Kafka and `withRows`
 */
export async function openSlotAndTopic(
  context: OpenContext,
  slot: Slot | undefined,
  withRows: (tables: readonly TableName[]) => Promise<void>,
): Promise<"created" | "present"> {
  const { configuration, connector, service, cluster, registry, tables, signal } = context;
  const { topic } = service;
  const consumer = new Consumer(cluster, topic, signal, () => {});
  try {
    const range = await offsetRange(cluster, topic);
    const tail = await readTail(consumer, registry, topic, range, range.end);
    const step = openingStep(tail, slot, { topic, slot: connector.slot });
    if (step === "gone") throw slotGone(tail!, { ...(await sourceNow(configuration.source.url)), slot: connector.slot, topic });
    if (slot !== undefined) refuseLost(slot);
    if (slot !== undefined && connector.failover) await makeFailoverSlot(configuration.source.url, slot);
    if (step === "nothing") return "present";
    return await withMarkers(context, async (over, putMarker) => {
      if (step === "open") await openTopic(over, 0n, putMarker);
      // A slot of an interrupted run has not been read, but the snapshot of its creation is gone: its tables count as having rows.
      const created =
        slot === undefined ? await createSlot(configuration.source.url, connector, tables, signal) : { start: slot.confirmedFlush, withRows: tables };
      await withRows(created.withRows);
      await openTopic(over, created.start, putMarker);
      return slot === undefined ? "created" : "present";
    });
  } finally {
    consumer.close();
  }
}

/** Who the source is, and was. */
async function sourceNow(url: Secret): Promise<{ identity: SourceIdentity; history: TimelineHistory }> {
  const session = await ReplicationSession.open(url, "offtake up");
  try {
    const identity = await session.identify();
    return { identity, history: await session.history(identity.timeline) };
  } finally {
    await session.end();
  }
}

/** @param work is given the identity with which the markers are written */
export async function withMarkers<T>(
  context: OpenContext,
  work: (over: TakeOver, putMarker: PutMarker, identity: ProducerIdentity) => Promise<T>,
): Promise<T> {
  const { configuration, connector, service, cluster, registry, signal } = context;
  const { topicPrefix } = configuration.kafka;
  const { identity, history } = await sourceNow(configuration.source.url);
  const messageSchemaId = await registry.register(subjectOf(service.topic, messageEnvelopeName(topicPrefix)), messageSchema(topicPrefix));
  const names = { version, name: topicPrefix, identity };
  const over = {
    cluster,
    registry,
    topic: service.topic,
    connector: connector.name,
    slot: connector.slot,
    names,
    history,
    messageSchemaId,
    signal,
  };
  const producerIdentity = await initProducerId(cluster, transactionalIdOf(connector.name), signal);
  const producer = new Producer(cluster, service.topic, producerIdentity, {
    durable: () => {},
    failed: () => {},
    interrupted: () => {},
    refuses: () => undefined,
  });
  try {
    return await work(over, markerThrough(producer, signal), producerIdentity);
  } finally {
    producer.end();
  }
}
