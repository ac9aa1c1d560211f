/** A producer of which everything that it says is kept. */
import type { Compression } from "../../../connectors/kafka/compression.ts";
import type { KafkaCluster } from "../../../connectors/kafka/cluster.ts";
import { initProducerId, type ProducerIdentity } from "../../../connectors/kafka/producer-id.ts";
import { Producer } from "../../../connectors/kafka/producer.ts";
import { RecordBatchWriter } from "../../../connectors/kafka/record-batch.ts";
import type { OfftakeError } from "../../../services/runtime/errors.ts";
import { uniqueName } from "../../support/databases.ts";
import { waitFor } from "../../support/wait-for.ts";
import { fill, type PlainRecord } from "./plain-records.ts";

export class RecordedProducer implements AsyncDisposable {
  readonly producer: Producer;
  readonly identity: ProducerIdentity;
  /** Of each durable batch, in the order in which they were told. */
  readonly durable: { readonly records: number; readonly baseOffset: number }[] = [];
  readonly interruptions: OfftakeError[] = [];
  readonly failures: OfftakeError[] = [];
  /** What the producer hears when it asks whether it may send. */
  refusal: OfftakeError | undefined;
  /** The most batches that were ever sent and not durable. */
  asked = 0;

  constructor(cluster: KafkaCluster, topic: string, identity: ProducerIdentity) {
    this.identity = identity;
    this.producer = new Producer(cluster, topic, identity, {
      durable: (records, baseOffset) => void this.durable.push({ records, baseOffset }),
      failed: (error) => void this.failures.push(error),
      interrupted: (error) => void this.interruptions.push(error),
      refuses: () => {
        this.asked += 1;
        return this.refusal;
      },
    });
  }

  /** @param transactionalId default: one that nobody else has */
  static async start(cluster: KafkaCluster, topic: string, transactionalId = uniqueName("producer")): Promise<RecordedProducer> {
    return new RecordedProducer(cluster, topic, await initProducerId(cluster, transactionalId, new AbortController().signal));
  }

  send(records: readonly PlainRecord[], compression: Compression = "none"): void {
    this.producer.send(fill(new RecordBatchWriter(compression, 4096), records));
  }

  /** Waits until everything that was sent is durable. @throws why it has failed */
  async drained(timeout = 60_000): Promise<void> {
    await waitFor(() => this.producer.pending === 0 || this.failures.length > 0, { what: "every batch to be durable", timeout });
    if (this.failures[0] !== undefined) throw this.failures[0];
  }

  /** Waits until it has failed. @returns the code of the first failure */
  async failed(timeout = 60_000): Promise<string> {
    const failure = await waitFor(() => this.failures[0], { what: "the producer to fail", timeout });
    return failure.code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.producer.end();
  }
}
