/**
 * Reads one partition from an offset of the caller's choosing. There is no group membership: the position of an applier lives in its target, and
 * two readers of one topic do not harm each other.
 *
 * Source: Apache Kafka documentation, "Protocol", Fetch.
 */
import { Backoff } from "../../services/runtime/backoff.ts";
import { interrupted, OfftakeError } from "../../services/runtime/errors.ts";
import { failpoint } from "../../services/runtime/failpoint.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import type { BrokerConnection } from "./broker-connection.ts";
import type { KafkaCluster, Leader } from "./cluster.ts";
import { type Fetched, fetchRecords, type FetchLimits } from "./fetch.ts";
import { brokerAnswer, kafkaError } from "./kafka-errors.ts";

export class Consumer {
  readonly #cluster: KafkaCluster;
  readonly #topic: string;
  readonly #signal: AbortSignal;
  readonly #troubled: (error: OfftakeError) => void;
  readonly #stop = (): void => this.#connection?.destroy();
  /** Why the newest fetch is being tried again. */
  #trouble: OfftakeError | undefined;
  #leader: Leader | undefined;
  #connection: BrokerConnection | undefined;
  /** The topic's id when it was first seen; another one later is another topic. */
  #topicId: string | undefined;

  /**
   * @param signal ends a fetch that waits
   * @param troubled told each time that a broker does not answer; the fetch goes on trying
   */
  constructor(cluster: KafkaCluster, topic: string, signal: AbortSignal, troubled: (error: OfftakeError) => void) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#signal = signal;
    this.#troubled = troubled;
    signal.addEventListener("abort", this.#stop, { once: true });
  }

  /** Why a fetch has come back with nothing: a limit of time was the signal, or the process has to stop. */
  get stopReason(): OfftakeError {
    const reason: unknown = this.#signal.reason;
    if (!(reason instanceof DOMException) || reason.name !== "TimeoutError") return interrupted(`the topic ${this.#topic} was read`);
    return this.#trouble ?? new OfftakeError("KAFKA_UNREACHABLE", `The topic ${this.#topic} was not read in time.`);
  }

  /**
   * Fetches from this offset on; waits a while for the first byte and may come back empty.
   *
   * @returns undefined when it was stopped
   * @throws OfftakeError TOPIC_EXPIRED when the offset is no longer in the topic, or not yet; TOPIC_RECREATED, TOPIC_MISSING, KAFKA_NOT_ALLOWED
   */
  async fetch(offset: number, limits: FetchLimits): Promise<Fetched | undefined> {
    const backoff = new Backoff(50, 2000);
    while (!this.#signal.aborted) {
      try {
        const { leader, connection } = await this.#open();
        failpoint?.("before-fetch", () => connection.cut());
        const fetched = await fetchRecords(connection, leader.topicId, leader.leaderEpoch, offset, limits);
        failpoint?.("after-fetch", () => connection.cut());
        this.#trouble = undefined;
        return fetched;
      } catch (error) {
        if (this.#signal.aborted) break;
        if (brokerAnswer(error) === "OFFSET_OUT_OF_RANGE") throw this.#outOfRange(offset, error);
        const judged = kafkaError(error, `read the topic ${this.#topic}`);
        if (judged.retry !== "yes") throw judged;
        this.#drop();
        this.#trouble = judged;
        this.#troubled(judged);
        await waitOrStop(backoff.next(), this.#signal);
      }
    }
    return undefined;
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#stop);
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  async #open(): Promise<{ leader: Leader; connection: BrokerConnection }> {
    if (this.#leader !== undefined && this.#connection?.isOpen === true) return { leader: this.#leader, connection: this.#connection };
    const leader = await this.#cluster.leader(this.#topic);
    this.#topicId ??= leader.topicId;
    if (leader.topicId !== this.#topicId)
      throw new OfftakeError("TOPIC_RECREATED", `The topic ${this.#topic} was deleted and made again while it was being read.`, {
        cure: "What was in the old one is gone: the service's tables have to be copied again.",
      });
    const connection = await this.#cluster.connect(leader, 30_000);
    this.#leader = leader;
    this.#connection = connection;
    return { leader, connection };
  }

  #drop(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
    this.#leader = undefined;
  }

  #outOfRange(offset: number, cause: unknown): OfftakeError {
    return new OfftakeError(
      "TOPIC_EXPIRED",
      `The topic ${this.#topic} does not hold offset ${offset}: retention has passed it, or the topic lost its end.`,
      {
        cause,
        cure: "The events between are gone: the service's tables have to be copied again. Raise retention.ms so that the topic outlives an outage.",
      },
    );
  }
}
