/**
 * The newest commit in a service's topic, for the lag in bytes. An applier that is far behind has read but the beginning of what waits for it, so it looks
 * at the topic's end now and then. Wrong, it misleads a graph and nothing else: a look that fails is passed over.
 */
import type { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Consumer } from "../../connectors/kafka/consumer.ts";
import type { OffsetRange } from "../../connectors/kafka/offsets.ts";
import type { Registry } from "../../connectors/kafka/registry.ts";
import type { Lsn } from "../../connectors/postgres/lsn.ts";
import { readTail } from "../../connectors/postgres/tail.ts";
import type { Log } from "../runtime/log.ts";

/** Milliseconds between looks, and after which one is given up. */
const lookEveryMs = 5000;
const lookLimitMs = 4000;

export interface NewestCommitSources {
  readonly cluster: KafkaCluster;
  readonly registry: Registry;
  readonly topic: string;
  readonly log: Log;
}

export class NewestCommit {
  /** Commit LSN; 0 before the first look. */
  lsn: Lsn = 0n;
  readonly #sources: NewestCommitSources;
  readonly #signal: AbortSignal;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param signal ends a look that is under way */
  constructor(sources: NewestCommitSources, signal: AbortSignal) {
    this.#sources = sources;
    this.#signal = signal;
  }

  /**
   * Looks, unless it has a moment ago. Never throws.
   *
   * @param range of the records that are not applied
   * @returns whether it has looked
   */
  async look(range: OffsetRange, now: number): Promise<boolean> {
    if (now - this.#lookedAt < lookEveryMs) return false;
    this.#lookedAt = now;
    const { cluster, registry, topic, log } = this.#sources;
    const consumer = new Consumer(cluster, topic, AbortSignal.any([this.#signal, AbortSignal.timeout(lookLimitMs)]), () => {});
    try {
      this.lsn = (await readTail(consumer, registry, topic, range, range.end))?.commitLsn ?? this.lsn;
      return true;
    } catch (error) {
      log.debug({ err: error }, "the end of the topic was not looked at");
      return false;
    } finally {
      consumer.close();
    }
  }
}
