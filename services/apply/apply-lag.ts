/**
 * How far a target is behind its topic, as the metrics say it: in events, and in bytes of the source's WAL. Measured by the clock and not by what is
 * applied: a target that takes nothing is just when somebody looks.
 *
 * An applier that is far behind has read but the beginning of what waits for it, so it looks at the topic's end now and then. Wrong, this misleads a
 * graph and nothing else: a look that fails is passed over.
 */
import type { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Consumer } from "../../connectors/kafka/consumer.ts";
import type { Registry } from "../../connectors/kafka/registry.ts";
import type { Lsn } from "../../connectors/postgres/lsn.ts";
import { readTail } from "../../connectors/postgres/tail.ts";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import type { Log } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import type { Chain } from "./chain.ts";
import type { TopicReader } from "./topic-reader.ts";
import type { TransactionEnd } from "./transaction-ends.ts";

/** Milliseconds between measurements; of those, so many between looks at the topic's end; and after which a look is given up. */
const measureEveryMs = 500;
const measuresPerLook = 10;
const lookLimitMs = 4000;

export interface ApplyLagSources {
  readonly cluster: KafkaCluster;
  readonly registry: Registry;
  readonly service: ServiceConfiguration;
  readonly reader: TopicReader;
  readonly chain: Chain;
  readonly metrics: Metrics;
  readonly log: Log;
}

export class ApplyLag {
  readonly #sources: ApplyLagSources;
  /** The newest transaction that is applied; before the first, where the target stood at the start. */
  #applied: Pick<TransactionEnd, "commitLsn" | "offset">;
  /** Commit LSN of the topic's end when it was looked at; 0 before. */
  #newest: Lsn = 0n;

  /** @param applied where the target stands; LSN 0 and the topic's start for one that has nothing */
  constructor(sources: ApplyLagSources, applied: Pick<TransactionEnd, "commitLsn" | "offset">) {
    this.#sources = sources;
    this.#applied = applied;
  }

  /** A transaction is committed in the target. */
  applied(end: TransactionEnd): void {
    this.#applied = end;
    this.#measure();
  }

  /** Until it is stopped. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    for (let measures = 1; (await waitOrStop(measureEveryMs, signal)) === "elapsed"; measures += 1) {
      // What has been read says itself where it stands.
      if (this.#unread && measures % measuresPerLook === 0) await this.#look(signal);
      this.#measure();
    }
  }

  get #unread(): boolean {
    const { reader } = this.#sources;
    return reader.highWatermark > reader.offset;
  }

  get #events(): number {
    const { reader, chain } = this.#sources;
    // Take-over markers are read and never applied: where nothing else was read, they are not behind.
    const offset = chain.commitLsn > this.#applied.commitLsn ? this.#applied.offset : Math.max(this.#applied.offset, reader.offset);
    return Math.max(reader.highWatermark - offset, 0);
  }

  #measure(): void {
    const { metrics, service, chain, reader } = this.#sources;
    // Nothing was fetched yet: nothing is known.
    if (reader.highWatermark === 0) return;
    metrics.topicLagEvents.set({ service: service.name }, this.#events);
    const { commitLsn } = this.#applied;
    // What has been read is often newer than the look.
    const newest = chain.commitLsn > this.#newest ? chain.commitLsn : this.#newest;
    // A target that has nothing has no place in the WAL to measure from.
    if (commitLsn === 0n) return;
    metrics.applyLagBytes.set({ service: service.name }, newest > commitLsn ? Number(newest - commitLsn) : 0);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { cluster, registry, service, reader, log } = this.#sources;
    const { topic } = service;
    const range = { start: this.#applied.offset, end: reader.highWatermark };
    const consumer = new Consumer(cluster, topic, AbortSignal.any([signal, AbortSignal.timeout(lookLimitMs)]), () => {});
    try {
      this.#newest = (await readTail(consumer, registry, topic, range, range.end))?.commitLsn ?? this.#newest;
    } catch (error) {
      log.debug({ err: error }, "the end of the topic was not looked at");
    } finally {
      consumer.close();
    }
  }
}
