/**
 * An idempotent producer for one partition that keeps several requests in flight. Order and sequence numbers are owned here: what is sent
 * again is sent again in the same order, as the same bytes with the same sequence numbers, so that the broker drops what it has already. A batch
 * is durable when the broker says so with acks=all, and not before.
 *
 * Measured against the libraries' own idempotent producers, which allow one request in flight: docs/decisions/0001-kafka-client.md.
 *
 * Source: Apache Kafka documentation, "Producer Configs", enable.idempotence; KIP-98 for sequence numbers.
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import { failpoint } from "../../services/runtime/failpoint.ts";
import type { BrokerConnection } from "./broker-connection.ts";
import type { KafkaCluster } from "./cluster.ts";
import { brokerAnswer, kafkaError, passes } from "./kafka-errors.ts";
import type { ProducerIdentity } from "./producer-id.ts";
import { produce } from "./produce.ts";
import type { RecordBatchWriter } from "./record-batch.ts";

/** The broker remembers the last five batches of a producer: with more in flight it could not tell a repeated one. */
const maxInFlight = 5;

/** Milliseconds the leader may wait for its replicas, and then some for the answer to come back. */
const replicaTimeout = 20_000;
const requestTimeout = 30_000;

/** The sequence number behind so many records: it wraps from 2^31 - 1 to 0. */
export function nextSequence(sequence: number, records: number): number {
  return (sequence + records) % 0x8000_0000;
}

interface Batch {
  readonly bytes: Buffer;
  readonly records: number;
}

export interface ProducerEvents {
  /** The oldest batch not yet durable is durable: this many records, at this offset. */
  durable(records: number, baseOffset: number): void;
  /** Nothing more will be sent; the batches that are not durable yet may or may not be in the topic. Called once. */
  failed(error: OfftakeError): void;
  /** Nobody answers; the batches are kept and sent again. For the log. */
  interrupted(error: OfftakeError): void;
  /** Asked before each request: the reason why nothing may be sent any more, if there is one. */
  refuses(): OfftakeError | undefined;
}

export class Producer {
  readonly #cluster: KafkaCluster;
  readonly #topic: string;
  readonly #identity: ProducerIdentity;
  /** Exchanged when the take-over is done: its markers are nobody else's records. */
  events: ProducerEvents;
  /** Not yet durable, oldest first; the first #sent of them are in flight on the present connection. */
  readonly #batches: Batch[] = [];
  #sent = 0;
  #sequence = 0;
  #connection: BrokerConnection | undefined;
  #state: "connecting" | "open" | "ended" = "connecting";
  #delay = 0;
  #retry: NodeJS.Timeout | undefined;
  #bytes = 0;
  #failure: OfftakeError | undefined;
  /** The topic's id when it was first seen, and the offset of the newest durable batch: both tell when another topic has taken its name. */
  #topicId: string | undefined;
  #offset = -1;

  constructor(cluster: KafkaCluster, topic: string, identity: ProducerIdentity, events: ProducerEvents) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#identity = identity;
    this.events = events;
    void this.#connect();
  }

  /** Bytes of the batches that are not durable yet: what back-pressure is measured by. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  /** Batches that are not durable yet. */
  get pending(): number {
    return this.#batches.length;
  }

  /** Why nothing more will be sent; undefined while something can be. */
  get failure(): OfftakeError | undefined {
    return this.#failure;
  }

  /** Whether a batch sent now would go out at once. */
  get ready(): boolean {
    return this.#state === "open" && this.#batches.length < maxInFlight;
  }

  /** Takes over a filled batch, until it is durable. */
  send(batch: RecordBatchWriter): void {
    if (this.#state === "ended") return;
    const records = batch.count;
    failpoint?.("before-batch-encoded", () => this.#connection?.cut());
    const bytes = batch.close(this.#identity.producerId, this.#identity.epoch, this.#sequence);
    failpoint?.("after-batch-encoded", () => this.#connection?.cut());
    this.#sequence = nextSequence(this.#sequence, records);
    this.#batches.push({ bytes, records });
    this.#bytes += bytes.length;
    this.#pump();
  }

  /** Sends nothing more and forgets what is not durable. What is on the wire may still arrive. */
  end(): void {
    this.#state = "ended";
    clearTimeout(this.#retry);
    this.#batches.length = 0;
    this.#bytes = 0;
    this.#connection?.destroy();
  }

  #pump(): void {
    while (this.#state === "open" && this.#sent < maxInFlight && this.#sent < this.#batches.length) {
      const refusal = this.events.refuses();
      if (refusal !== undefined) {
        this.#fail(refusal);
        return;
      }
      const batch = this.#batches[this.#sent]!;
      const connection = this.#connection!;
      this.#sent += 1;
      failpoint?.("before-produce-sent", () => connection.cut());
      produce(connection, this.#topic, batch.bytes, replicaTimeout, (error, baseOffset) => {
        // An answer of a connection that was given up: its batches are sent again on another.
        if (connection === this.#connection && this.#state === "open") this.#answered(error, baseOffset);
      });
      failpoint?.("after-produce-sent", () => connection.cut());
    }
  }

  /** A partition answers in order, so the answer is for the oldest batch. */
  #answered(error: Error | undefined, baseOffset: number): void {
    if (error !== undefined) {
      this.#judge(error);
      return;
    }
    if (baseOffset <= this.#offset) {
      // Not told to be durable: the next start finds the batch at the beginning of the new topic, and that the rest is missing.
      this.#fail(recreated(this.#topic));
      return;
    }
    failpoint?.("before-produce-acknowledged", () => this.#connection?.cut());
    this.#offset = baseOffset;
    const batch = this.#batches.shift()!;
    this.#sent -= 1;
    this.#bytes -= batch.bytes.length;
    this.#delay = 0;
    this.events.durable(batch.records, baseOffset);
    failpoint?.("after-produce-acknowledged", () => this.#connection?.cut());
    this.#pump();
  }

  #judge(error: Error): void {
    const answer = brokerAnswer(error);
    switch (answer) {
      case "INVALID_PRODUCER_EPOCH":
      case "PRODUCER_FENCED":
      case "INVALID_PRODUCER_ID_MAPPING":
        this.#fail(
          new OfftakeError("CONNECTOR_FENCED", `Another connector has taken over the topic ${this.#topic}.`, {
            cause: error,
            cure: "Nothing was lost. Run one connector for each slot.",
          }),
        );
        return;
      case "OUT_OF_ORDER_SEQUENCE_NUMBER":
      case "UNKNOWN_PRODUCER_ID":
      case "DUPLICATE_SEQUENCE_NUMBER":
        // Nothing was skipped or sent twice on our side but what the broker remembers, so its log or memory lost something: only a new start, which
        // reads the tail, may judge that.
        this.#fail(
          new OfftakeError("TOPIC_SEQUENCE_BROKEN", `The topic ${this.#topic} no longer follows on what was written to it (${answer}).`, {
            cause: error,
          }),
        );
        return;
      case "MESSAGE_TOO_LARGE":
      case "RECORD_LIST_TOO_LARGE":
        this.#fail(
          new OfftakeError("EVENT_TOO_LARGE", `Kafka refuses a batch of ${this.#batches[0]?.bytes.length ?? 0} bytes for the topic ${this.#topic}.`, {
            cause: error,
            cure: "Raise the topic's max.message.bytes (`offtake up` sets it to what kafka.maxEvent needs).",
          }),
        );
        return;
      default:
        if (passes(error)) this.#interrupt(kafkaError(error, `take a batch for the topic ${this.#topic}`));
        else this.#fail(kafkaError(error, `take a batch for the topic ${this.#topic}`));
    }
  }

  /** Gives up the connection and comes back on another, with everything that is not durable. */
  #interrupt(error: OfftakeError): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#state = "connecting";
    this.#sent = 0;
    connection?.destroy();
    this.events.interrupted(error);
    this.#delay = Math.min(this.#delay === 0 ? 50 : this.#delay * 2, 2000);
    this.#retry = setTimeout(() => void this.#connect(), this.#delay);
  }

  async #connect(): Promise<void> {
    try {
      const leader = await this.#cluster.leader(this.#topic);
      this.#topicId ??= leader.topicId;
      // A broker takes the next sequence of a producer that it does not know, so that a new topic would go on where the old one ended, without it.
      if (leader.topicId !== this.#topicId) throw recreated(this.#topic);
      const connection = await this.#cluster.connect(leader, requestTimeout);
      if (this.#state === "ended") {
        connection.destroy();
        return;
      }
      this.#connection = connection;
      this.#state = "open";
      connection.closed = () => {
        if (connection === this.#connection && this.#state === "open")
          this.#interrupt(new OfftakeError("KAFKA_UNREACHABLE", `The broker closed the connection that writes to ${this.#topic}.`));
      };
      this.#pump();
    } catch (error) {
      if (this.#state === "ended") return;
      const judged = kafkaError(error, `write to the topic ${this.#topic}`);
      if (judged.code === "KAFKA_UNREACHABLE") this.#interrupt(judged);
      else this.#fail(judged);
    }
  }

  #fail(error: OfftakeError): void {
    const connection = this.#connection;
    this.#state = "ended";
    this.#failure = error;
    this.#connection = undefined;
    connection?.destroy();
    this.events.failed(error);
  }
}

function recreated(topic: string): OfftakeError {
  return new OfftakeError("TOPIC_RECREATED", `The topic ${topic} was deleted and made again while it was being written.`, {
    cure: "What was in the old one is gone: the service's tables have to be copied again.",
  });
}
