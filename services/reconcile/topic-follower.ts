/**
 * Follows a service's topic for the reconciler, which needs no position of its own: what it did not read, the next pass compares. An event that is passed over here and was applied
 * makes a row look wrong that is right, so every record from the first offset on is told of, in order.
 *
 * Source: ARCHITECTURE.md, "Events"; services/apply/topic-reader.ts reads the same records for an applier.
 */
import { AbortedTransactions } from "../../connectors/kafka/aborted-transactions.ts";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Consumer } from "../../connectors/kafka/consumer.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { RecordBatchReader } from "../../connectors/kafka/record-batch.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import type { EventReader } from "../../schemas/event-reader.ts";
import { parseMessage } from "../../schemas/offtake-message.ts";
import type { AppliedPosition } from "../apply/position.ts";
import { RecordDecoder } from "../apply/record-decoder.ts";
import type { Configuration, ServiceConfiguration } from "../runtime/configuration.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";

export interface Followed {
  /** A change of a row, or a truncate. The event is valid until the next one. */
  readonly event: (event: EventReader, offset: number) => void;
  /** A connector has taken the topic over: what the transaction before has not ended with may never be applied. */
  readonly takenOver: () => void;
}

/** Where one begins: the next record, and the position of the event before it. */
export type Place = Pick<AppliedPosition, "offset" | "commitLsn" | "sequence">;

const fetchLimits = { maxWaitMs: 500, maxBytes: 1 << 20 };

/** Between two looks at how far it is. */
const lookMs = 5;

export class TopicFollower {
  /** All records before it have been told of. */
  next: number;
  readonly cluster: KafkaCluster;
  readonly #topic: string;
  readonly #registry: Registry;
  readonly #told: Followed;
  /** Of the newest event. */
  #newest: Pick<Place, "commitLsn" | "sequence">;

  private constructor(cluster: KafkaCluster, registry: Registry, topic: string, from: Place, told: Followed) {
    this.cluster = cluster;
    this.#registry = registry;
    this.#topic = topic;
    this.next = from.offset;
    this.#newest = from;
    this.#told = told;
  }

  /**
   * @param from the applied position behind which the first event lies, or whom to ask for it
   * @throws OfftakeError TOPIC_MISSING, KAFKA_UNREACHABLE, KAFKA_REFUSED
   */
  static async open(
    { kafka, registry }: Configuration,
    { name, topic }: ServiceConfiguration,
    from: Place | ((cluster: KafkaCluster) => Promise<Place>),
    told: Followed,
  ): Promise<TopicFollower> {
    const cluster = new KafkaCluster(kafka, `offtake-${name}-reconciler`);
    try {
      const { start, end } = await offsetRange(cluster, topic);
      const place = typeof from === "function" ? await from(cluster) : from;
      const offset = Math.min(Math.max(place.offset, start), end);
      return new TopicFollower(cluster, new Registry(registry.url), topic, { ...place, offset }, told);
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** Until it is stopped. @throws OfftakeError of the topic and the registry */
  async run(signal: AbortSignal): Promise<void> {
    const decoder = new RecordDecoder(this.#topic, this.#registry);
    const consumer = new Consumer(this.cluster, this.#topic, signal, () => {});
    const records = new RecordBatchReader();
    const aborted = new AbortedTransactions();
    try {
      for (;;) {
        const fetched = await consumer.fetch(this.next, fetchLimits);
        if (fetched === undefined) return;
        records.over(fetched.records);
        aborted.over(fetched.aborted);
        while (records.next()) {
          if (records.offset < this.next || !aborted.counts(records)) continue;
          if (!decoder.decode(records)) await decoder.load(records);
          this.#tell(decoder.event, records.offset);
        }
        this.next = Math.max(this.next, records.nextOffset);
      }
    } finally {
      consumer.close();
    }
  }

  /** @returns whether all before an offset was told of within a time */
  async reached(offset: number, patienceMs: number, signal: AbortSignal): Promise<boolean> {
    for (const until = performance.now() + patienceMs; this.next < offset;)
      if (performance.now() >= until || (await waitOrStop(lookMs, signal)) === "stopped") return false;
    return true;
  }

  async close(): Promise<void> {
    await this.cluster.close();
  }

  #tell(event: EventReader, offset: number): void {
    if (event.plan.kind === "row") {
      const { sequence } = event;
      const commitLsn = (BigInt(event.commitHigh) << 32n) | BigInt(event.commitLow);
      const newest = this.#newest;
      // An applier drops what it has seen, wherever it stands in the topic: it is no newer state of its row.
      if (commitLsn < newest.commitLsn || (commitLsn === newest.commitLsn && sequence <= newest.sequence)) return;
      this.#newest = { commitLsn, sequence };
      this.#told.event(event, offset);
      return;
    }
    const { bytes, contentStart, contentEnd } = event;
    if (parseMessage(bytes.toString("utf8", contentStart, contentEnd))?.kind === "take-over") this.#told.takenOver();
  }
}
