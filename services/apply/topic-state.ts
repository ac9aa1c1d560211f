/** Where a topic begins and ends, and what of it a target does not have yet. For whoever measures lag beside the appliers, or while none applies. */
import type { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Consumer } from "../../connectors/kafka/consumer.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import type { Registry } from "../../connectors/kafka/registry.ts";
import { readTail, type TailRecord } from "../../connectors/postgres/tail.ts";
import type { AppliedPosition } from "./position.ts";

export interface TopicState {
  readonly start: number;
  readonly end: number;
  readonly tail: TailRecord | undefined;
  /** The oldest record that is not applied. */
  readonly next: TailRecord | undefined;
}

/** Milliseconds. */
const limitMs = 10_000;

/** @param position undefined for a target that has nothing. @throws OfftakeError of Kafka and the registry */
export async function readTopicState(
  cluster: KafkaCluster,
  registry: Registry,
  topic: string,
  position: Pick<AppliedPosition, "offset"> | undefined,
): Promise<TopicState> {
  const range = await offsetRange(cluster, topic);
  const consumer = new Consumer(cluster, topic, AbortSignal.timeout(limitMs), () => {});
  try {
    const tail = await readTail(consumer, registry, topic, range, range.end);
    const from = position?.offset ?? range.start;
    const next = from < range.end ? await readTail(consumer, registry, topic, range, from + 1) : undefined;
    return { ...range, tail, next };
  } finally {
    consumer.close();
  }
}
