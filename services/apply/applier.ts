/**
 * One applier, from its start to its end: reads where the target stands, reads the topic from there, and applies batch after batch. It ends with an
 * error when anything is not as it was; the next start reads the truth from the target, never from memory.
 *
 * Source: ARCHITECTURE.md, "Applier".
 */
import type { Client } from "pg";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Consumer } from "../../connectors/kafka/consumer.ts";
import { commitOffset, groupOf, offsetRange } from "../../connectors/kafka/offsets.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import { endSession, sessionError } from "../../connectors/postgres/session.ts";
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import { pipelineNames, type PipelineNames, withStartOver } from "../../connectors/postgres/start-over.ts";
import { readTail, type TailRecord } from "../../connectors/postgres/tail.ts";
import type { Configuration, ServiceConfiguration } from "../runtime/configuration.ts";
import { asOfftakeError, type OfftakeError } from "../runtime/errors.ts";
import { failpoint } from "../runtime/failpoint.ts";
import type { Interruption } from "../runtime/interruption.ts";
import type { Log } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { traced } from "../runtime/traces.ts";
import { ApplyLag } from "./apply-lag.ts";
import type { Batch } from "./batch.ts";
import { Chain } from "./chain.ts";
import { publishDeadLetters } from "./dead-letter-topic.ts";
import { doubtCopies } from "./needs-copy.ts";
import { Parking } from "./parking.ts";
import { checkNewestApplied, checkPosition, prepareTarget } from "./prepare.ts";
import { TableHistory } from "./table-history.ts";
import { Target } from "./target.ts";
import { openTargetSession } from "./target-session.ts";
import { TopicReader } from "./topic-reader.ts";
import { findTransactionEnd } from "./transaction-end.ts";

export interface ApplierContext {
  readonly configuration: Configuration;
  readonly service: ServiceConfiguration;
  /** The name of the connector that writes the service's topic. */
  readonly connector: string;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Told when it begins to apply. */
  readonly applying: () => void;
  /** Told while the topic cannot be read. */
  readonly interruption: Interruption;
}

/** As batchRows is described (schemas/configuration.ts). */
const giant = 4;

/** Milliseconds between commits of the group's offset, which only other people's tools read. */
const commitEveryMs = 5000;

/** Milliseconds that a stop waits for the last of them. */
const commitLimitMs = 2000;

/** @throws OfftakeError whose `retry` says what to do about it */
export async function runApplier(context: ApplierContext, signal: AbortSignal): Promise<void> {
  const { configuration, service, connector, log } = context;
  const ends: (() => Promise<void>)[] = [];
  const stopped = new AbortController();
  signal.addEventListener("abort", () => stopped.abort(), { once: true });
  try {
    const session = await openTargetSession(service);
    ends.push(async () => endSession(session.client));
    const prepared = await prepareTarget(session.client, connector, service).catch((error: unknown) => {
      throw sessionError(error, "target", service.target.url);
    });
    const cluster = new KafkaCluster(configuration.kafka, `offtake-${service.name}`);
    ends.push(async () => cluster.close());
    const leader = await cluster.leader(service.topic);
    const range = await offsetRange(cluster, service.topic);
    const registry = new Registry(configuration.registry.url);
    const consumer = new Consumer(cluster, service.topic, stopped.signal, (error) => interrupted(context, error));
    ends.push(async () => consumer.close());
    // A stop in the middle of a look at the topic is no failure.
    const tailBelow = async (offset: number): Promise<TailRecord | "stopped" | undefined> =>
      readTail(consumer, registry, service.topic, range, offset).catch((error: unknown) =>
        stopped.signal.aborted ? "stopped" : Promise.reject(error),
      );
    const first = prepared.position !== undefined && prepared.position.offset < range.start ? await tailBelow(range.start + 1) : undefined;
    if (first === "stopped") return;
    checkPosition(prepared.position, service, leader.topicId, range, first);
    if (first !== undefined) await doubtCopies(session.client, connector, range.start);
    const parking = parkingOf(context, session.client, leader.topicId);
    await parking.refresh().catch((error: unknown) => {
      throw sessionError(error, "target", service.target.url);
    });
    const target = new Target(session, prepared.position, {
      service,
      connector,
      topicId: leader.topicId,
      uncopied: prepared.uncopied,
      parking,
      shapes: {
        history: new TableHistory(registry, configuration.kafka.topicPrefix, service.topic),
        added: (table, columns) => log.info({ table, columns }, "the monolith's table has new columns; the target's has got them"),
      },
      conflict: (conflict) => {
        context.metrics.conflictsTotal.inc({ service: service.name, kind: conflict.kind }, conflict.rows);
        // Beside a copy there are hundreds a second, nobody has to do anything, and the lines hid those that matter.
        if (conflict.kind === "partial-missing")
          log.debug({ ...conflict }, "an update of a row that is not copied yet is left out: its copy brings it");
        else log.warn({ ...conflict }, "the target's row is not what the stream takes it to be; the source wins");
      },
    });
    if (prepared.position !== undefined && prepared.position.offset > range.start) {
      const newest = await tailBelow(prepared.position.offset);
      if (newest === "stopped") return;
      checkNewestApplied(prepared.position, service, newest);
    }
    const chain = new Chain(service.topic, prepared.position);
    const limits = { rows: service.apply.batchRows, bytes: service.apply.batchBytes, giant };
    const from = Math.max(prepared.position?.offset ?? 0, range.start);
    const reader = new TopicReader(service.topic, consumer, registry, chain, from, limits);
    reader.onFetched = () => context.interruption.over();
    log.info({ topic: service.topic, offset: reader.offset, replica: session.replica }, "applying");
    context.applying();
    const { position } = prepared;
    const applied = { commitLsn: position?.commitLsn ?? 0n, offset: position?.offset ?? range.start };
    const lag = new ApplyLag({ cluster, registry, service, reader, chain, metrics: context.metrics, log }, applied);
    void lag.run(stopped.signal);
    if (service.deadLetterTopic !== undefined) {
      const publishing = publishDeadLetters(context, service.deadLetterTopic, stopped.signal);
      ends.push(async () => publishing);
    }
    const loop = new ApplyLoop(context, { target, reader, registry, cluster, chain, lag }, stopped.signal);
    await loop.run();
  } catch (error) {
    throw withStartOver(asOfftakeError(error), namesOf(context));
  } finally {
    stopped.abort();
    for (const end of ends.toReversed()) await end();
  }
}

function namesOf({ configuration, connector, service }: ApplierContext): PipelineNames {
  const slot = configuration.connectors.find(({ name }) => name === connector)?.slot ?? connector;
  return pipelineNames(configuration, { name: connector, slot }, service);
}

function parkingOf({ service, connector, log, metrics }: ApplierContext, client: Client, topicId: string): Parking {
  let told: { readonly service: string; readonly table: string }[] = [];
  return new Parking(client, {
    service,
    connector,
    topicId,
    parked: (event) => log.warn({ ...event }, "the target refuses an event: its key is parked, and what comes after it waits (offtake dlq)"),
    counted: (counts) => {
      // A table that has none any more has none, and is not what it was last.
      for (const labels of told) for (const gauge of [metrics.parkedKeys, metrics.deadLetters]) gauge.set(labels, 0);
      told = counts.map(({ table }) => ({ service: service.name, table }));
      for (const [i, { keys, deadLetters }] of counts.entries()) {
        metrics.parkedKeys.set(told[i]!, keys);
        metrics.deadLetters.set(told[i]!, deadLetters);
      }
    },
  });
}

function interrupted({ interruption }: ApplierContext, error: OfftakeError): void {
  interruption.tell(error, "the topic cannot be read; it is tried again");
}

interface Parts {
  readonly target: Target;
  readonly reader: TopicReader;
  readonly registry: Registry;
  readonly cluster: KafkaCluster;
  readonly chain: Chain;
  readonly lag: ApplyLag;
}

class ApplyLoop {
  readonly #context: ApplierContext;
  readonly #parts: Parts;
  readonly #signal: AbortSignal;
  #committedAt = 0;
  /** Applied, and not yet told to the group. */
  #offset: number | undefined;

  constructor(context: ApplierContext, parts: Parts, signal: AbortSignal) {
    this.#context = context;
    this.#parts = parts;
    this.#signal = signal;
  }

  /** Two batches are under way: one in the target, one behind it; and the next one is read meanwhile. */
  async run(): Promise<void> {
    const { reader } = this.#parts;
    const flights: Promise<void>[] = [];
    while (!this.#signal.aborted) {
      // The last one ends last.
      const idle = flights.at(-1) ?? Promise.resolve();
      const batch = await reader.next(idle).catch(async (error: unknown) => {
        // What was whole before the record that cannot be read is still to be committed.
        await idle;
        throw error;
      });
      if (batch === undefined) break;
      if (batch.transactions.length > 0) {
        if (flights.length > 1) await flights.shift();
        const flight = this.#apply(batch);
        // Heard where the next batch is waited for.
        flight.catch(() => undefined);
        flights.push(flight);
      } else {
        await idle;
        await this.#applyPieces(batch);
      }
    }
    await flights.at(-1);
    await this.#commitOffset();
  }

  async #apply(batch: Batch): Promise<void> {
    const { target } = this.#parts;
    const startedAt = Date.now();
    await target.apply(batch);
    this.#applied(batch, startedAt);
    this.#parts.reader.recycle(batch);
  }

  async #applyPieces(first: Batch): Promise<void> {
    const { target, chain, reader, registry, cluster } = this.#parts;
    const { service, log } = this.#context;
    const { topic } = service;
    const scout = new Consumer(cluster, topic, this.#signal, (error) => interrupted(this.#context, error));
    try {
      log.info({ offset: reader.offset }, "a transaction larger than a batch: looking for its end");
      const end = await findTransactionEnd(scout, registry, topic, reader.offset - 1, chain.commitLsn);
      if (end === undefined) return;
      this.#context.interruption.over();
      if (end === "never") return await this.#passOver(first);
      const startedAt = Date.now();
      let last: Batch | undefined = first;
      let events = first.events;
      await target.applyPieces(first, end, async () => {
        if (last !== undefined) reader.recycle(last);
        last = await reader.nextPiece();
        events += last?.events ?? 0;
        return last;
      });
      if (last === undefined) return;
      last.events = events;
      this.#applied(last, startedAt);
    } finally {
      scout.close();
    }
  }

  /** Nothing of a transaction that was never whole is applied: what comes behind its pieces is the place behind the gap. */
  async #passOver(first: Batch): Promise<void> {
    const { reader } = this.#parts;
    for (let piece: Batch | undefined = first; piece !== undefined; piece = await reader.nextPiece()) {
      if (piece.transactions.length > 0) return this.#apply(piece);
      reader.recycle(piece);
    }
  }

  #applied(batch: Batch, startedAt: number): void {
    const { metrics, service, log } = this.#context;
    const { reader, lag } = this.#parts;
    const labels = { service: service.name };
    const now = Date.now();
    const { last } = batch.transactions;
    const behind = Math.max(reader.highWatermark - last.offset, 0);
    metrics.applyEventsTotal.inc(labels, batch.events);
    metrics.applyTransactionsTotal.inc(labels, batch.transactions.length - batch.pieces - batch.gaps.length);
    metrics.applyBatchSeconds.observe(labels, (now - startedAt) / 1000);
    traced({ name: "offtake apply", startedAt, endedAt: now, attributes: { service: service.name, events: batch.events, offset: last.offset } });
    metrics.applyLagSeconds.set(labels, behind === 0 ? 0 : Math.max(now - last.micros / 1000, 0) / 1000);
    lag.applied(last);
    for (const { table, snapshot, reason } of batch.copied) log.info({ table, job: snapshot, reason }, "the table is copied");
    for (const { after, tables, reason } of batch.gaps)
      log.warn(
        { after: formatLsn(BigInt(after.commitLsn)), until: formatLsn(last.commitLsn), tables, reason },
        "a gap was passed that is recovered: what was committed between is in no stream, and comes with the copies",
      );
    for (const micros of batch.transactions.heartbeats) metrics.endToEndSeconds.observe(labels, Math.max(now - micros / 1000, 0) / 1000);
    this.#offset = last.offset;
    if (now - this.#committedAt >= commitEveryMs) void this.#commitOffset();
  }

  /** Never waits long, and never fails: nothing of ours depends on it. */
  async #commitOffset(): Promise<void> {
    const { service, log } = this.#context;
    const offset = this.#offset;
    if (offset === undefined) return;
    this.#committedAt = Date.now();
    this.#offset = undefined;
    const answered = new AbortController();
    failpoint?.("before-offset-committed");
    const committing = commitOffset(this.#parts.cluster, groupOf(service.name), service.topic, offset)
      .then(() => failpoint?.("after-offset-committed"))
      .catch((error: unknown) => log.debug({ err: error }, "the group's offset was not committed"))
      .finally(() => answered.abort());
    await Promise.race([committing, waitOrStop(commitLimitMs, answered.signal)]);
  }
}
