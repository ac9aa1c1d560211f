/**
 * One connector, from its start to its end: takes the slot and the topic over, captures, and keeps both alive. It ends with an error when
 * anything is not as it was; whoever runs it decides from the error's `retry` when to start it again, and the next start reads the truth from slot
 * and topic, never from memory.
 *
 * Source: ARCHITECTURE.md, "Connector".
 */
import type { Client } from "pg";
import { messageEnvelopeName, messageSchema } from "../../schemas/envelope.ts";
import { subjectOf } from "../../schemas/avro-names.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../../services/runtime/configuration.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { failpoint } from "../../services/runtime/failpoint.ts";
import type { Interruption } from "../../services/runtime/interruption.ts";
import type { Log } from "../../services/runtime/log.ts";
import type { Metrics } from "../../services/runtime/metrics.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import { matchesTable } from "../../services/runtime/table-pattern.ts";
import { version } from "../../services/runtime/version.ts";
import { KafkaCluster } from "../kafka/cluster.ts";
import { initProducerId, transactionalIdOf } from "../kafka/producer-id.ts";
import { Producer } from "../kafka/producer.ts";
import { Registry } from "../kafka/registry.ts";
import { readTopicSettings, refuseFaultyTopic, topicFaults } from "../kafka/topic.ts";
import { Capture } from "./capture.ts";
import { runSnapshots } from "./connector-snapshots.ts";
import { firstCommit } from "./first-commit.ts";
import { emitHeartbeat } from "./heartbeat.ts";
import { liveness } from "./liveness.ts";
import { type Lsn, parseLsn } from "./lsn.ts";
import { MovedRows } from "./moved-rows.ts";
import { Outbox } from "./outbox.ts";
import { Pieces } from "./pieces.ts";
import { PublicationWatch } from "./publication-watch.ts";
import { refuseStandby } from "./refuse-standby.ts";
import { RelationCompiler } from "./relation-compiler.ts";
import { ReplicationSession, type ReplicationStream } from "./replication-stream.ts";
import { endSession, openSession, sessionError } from "./session.ts";
import { readSlot, usableSlot } from "./slot.ts";
import { whySlotIsMissing } from "./slot-gone.ts";
import type { SnapshotJournal } from "./snapshot-journal.ts";
import { SlotWatch } from "./slot-watch.ts";
import { beyondTail, checkReached, isBeyond } from "./start-checks.ts";
import { pipelineNames, withStartOver } from "./start-over.ts";
import { markerThrough, takeOver } from "./take-over.ts";

export interface ConnectorContext {
  readonly configuration: Configuration;
  readonly connector: ConnectorConfiguration;
  readonly service: ServiceConfiguration;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Told when it begins to capture. */
  readonly capturing: () => void;
  /** Copies of tables; without one, none is made. */
  readonly journal?: SnapshotJournal | undefined;
  /** Told while Kafka does not take events, and while the stream waits for a commit at the source. */
  readonly interruption: Interruption;
}

/** Milliseconds between looks at clocks, and between words to the server during a take-over. */
const tickMs = 200;
const holdEveryMs = 1000;

/** A transactional id that is used for nothing but its epoch expires after seven days: it is used again every day. */
const renewAfterMs = 24 * 3600 * 1000;

/** Milliseconds that a stop waits for what is on the way to Kafka. */
const drainLimitMs = 8000;

/**
 * Runs until it is stopped, or for a day: then it has to be started again, which renews its producer id.
 *
 * @throws OfftakeError whose `retry` says what to do about it
 */
export async function runConnector(context: ConnectorContext, signal: AbortSignal): Promise<void> {
  const { configuration, connector } = context;
  const applicationName = `offtake ${connector.name}`;
  const ends: (() => Promise<void>)[] = [];
  const over = new AbortController();
  try {
    const source = await openSession(configuration.source.url, { side: "source", applicationName, statementTimeoutMs: 30_000, pipeline: true });
    ends.push(async () => endSession(source));
    await refuseStandby(source, configuration.source.url);
    await new Connection(context, source, applicationName, ends).run(AbortSignal.any([signal, over.signal]));
  } catch (error) {
    const judged = sessionError(error, "source", configuration.source.url);
    if (!signal.aborted || judged.code !== "INTERRUPTED") throw withStartOver(judged, pipelineNames(configuration, connector, context.service));
  } finally {
    // What still waits for Kafka must not go on waiting beside the next start.
    over.abort();
    for (const end of ends.toReversed()) await end();
  }
}

class Connection {
  readonly #context: ConnectorContext;
  readonly #source: Client;
  readonly #applicationName: string;
  readonly #ends: (() => Promise<void>)[];
  readonly #failure = Promise.withResolvers<never>();
  /** Milliseconds since 1970 of the newest heartbeat, the newest status, and what it confirmed. */
  #heartbeatAt = 0;
  #statusAt = Date.now();
  #confirmed = 0n;

  constructor(context: ConnectorContext, source: Client, applicationName: string, ends: (() => Promise<void>)[]) {
    this.#context = context;
    this.#source = source;
    this.#applicationName = applicationName;
    this.#ends = ends;
    // Whoever waits for it may have left already.
    this.#failure.promise.catch(() => undefined);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { configuration, connector, service, log, interruption } = this.#context;
    const { topic } = service;
    // A server that shuts down ends this session at once, and waits for the one that streams: that must not wait for the next look at a clock.
    this.#source.once("end", () => this.#fail(sourceGone(configuration.source.url)));
    // Tables that are locked keep a look waiting. In a session of its own: heartbeats, and the proof that the slot is still ours, would wait behind it.
    const applicationName = `${this.#applicationName} tables`;
    const looking = await openSession(configuration.source.url, { side: "source", applicationName, statementTimeoutMs: 30_000 });
    this.#ends.push(async () => endSession(looking));
    const publication = new PublicationWatch(looking, this.#context, this.#applicationName);
    const tables = await publication.look((await readSlot(this.#source, connector.slot))?.active === true);
    const replication = await ReplicationSession.open(configuration.source.url, this.#applicationName);
    this.#ends.push(async () => replication.end());
    const identity = await replication.identify();
    const history = await replication.history(identity.timeline);
    const cluster = new KafkaCluster(configuration.kafka, this.#applicationName.replaceAll(" ", "-"));
    this.#ends.push(async () => cluster.close());
    const registry = new Registry(configuration.registry.url);
    await usableSlot(this.#source, connector.slot, identity.database).catch(async (error: unknown) => {
      if (!(error instanceof OfftakeError) || (error.code !== "SLOT_MISSING" && error.code !== "SLOT_LOST")) throw error;
      throw await whySlotIsMissing(error, { identity, history, slot: connector.slot, topic }, { cluster, registry, signal });
    });
    const leader = await cluster.leader(topic);
    const settings = await readTopicSettings(cluster, topic);
    refuseFaultyTopic(topic, topicFaults(topic, leader, settings, configuration.kafka.maxEventBytes, configuration.mode === "production"));
    const messageSchemaId = await registry.register(
      subjectOf(topic, messageEnvelopeName(configuration.kafka.topicPrefix)),
      messageSchema(configuration.kafka.topicPrefix),
    );

    const stream = await replication.stream(connector.slot, connector.publication);
    this.#ends.push(async () => stream.end());
    stream.onEnd = (error) => this.#fail(error);
    const watch = new SlotWatch(this.#source, this.#context, replication.backendPid);
    for (const each of [watch, publication])
      each.run(signal).catch((error: unknown) => this.#fail(sessionError(error, "source", configuration.source.url)));
    // Only now is nobody else moving it.
    const slot = await usableSlot(this.#source, connector.slot, identity.database);
    // The server ends a stream that says nothing, and a take-over may have to wait.
    const holding = setInterval(() => stream.status(slot.confirmedFlush, slot.confirmedFlush, false), holdEveryMs);
    this.#ends.push(async () => clearInterval(holding));
    const producerIdentity = await initProducerId(cluster, transactionalIdOf(connector.name), signal);
    const producer = new Producer(cluster, topic, producerIdentity, {
      durable: () => {},
      failed: (error) => this.#fail(error),
      interrupted: (error) => interruption.tell(error, "Kafka does not take events; they are kept and sent again"),
      refuses: () => watch.refusal,
    });
    this.#ends.push(async () => producer.end());

    const names = { version, name: configuration.kafka.topicPrefix, identity };
    const over = { cluster, registry, topic, connector: connector.name, slot: connector.slot, names, history, messageSchemaId, signal };
    const tail = await Promise.race([takeOver(over, producerIdentity, markerThrough(producer, signal)), this.#failure.promise]);
    checkReached(tail, await this.#flushed(), topic);
    if (isBeyond(slot, tail)) throw beyondTail(tail, slot, await firstCommit(stream, this.#source), topic);

    const outbox = new Outbox(producer, settings.compression, slot.confirmedFlush, () => capture.resume());
    const compiler = new RelationCompiler(
      configuration.kafka.topicPrefix,
      topic,
      connector.publication,
      registry,
      this.#source,
      configuration.source.url,
    );
    const { maxEventBytes } = configuration.kafka;
    const pieces = new Pieces(outbox, names, messageSchemaId, maxEventBytes);
    const capture = new Capture(stream, outbox, compiler, {
      topic,
      names,
      tail,
      pieces,
      maxEventBytes,
      messageSchemaId,
      owns: (schema, table) => service.tables.some((entry) => matchesTable(entry, { schema, table })),
      leftOut: (what) => {
        log.warn(`left out: ${what}`);
        publication.passedBy(what);
      },
      partitioned: () => publication.hasPartitioned,
      truncated: (oid, xid) => publication.truncated(oid, xid),
      failed: (error) => void this.#failSettled(error, producer),
    });
    publication.follow(() => capture.received);
    const walSenderTimeout = await this.#walSenderTimeout();
    clearInterval(holding);
    log.info({ topic, slot: connector.slot, tables }, "capturing");
    this.#context.capturing();
    capture.resume();
    const work = { producer, stream, outbox, compiler, capture, walSenderTimeout };
    const copying = new AbortController();
    const stopCopying = AbortSignal.any([signal, copying.signal]);
    const { journal } = this.#context;
    const moved = new MovedRows(cluster, registry, topic);
    const copies = journal === undefined ? undefined : runSnapshots(this.#context, journal, { capture, pieces, compiler, tail, moved }, stopCopying);
    this.#ends.push(async () => {
      copying.abort();
      await copies;
    });
    await Promise.race([this.#keepAlive(work, signal), this.#failure.promise]);
    await this.#drain(work);
  }

  /** Ticks until it is stopped or has run for a day. */
  async #keepAlive({ producer, stream, outbox, compiler, capture, walSenderTimeout }: Work, signal: AbortSignal): Promise<void> {
    const { connector, metrics, log, interruption } = this.#context;
    const labels = { connector: connector.name };
    const startedAt = Date.now();
    let counted = { events: 0, transactions: 0 };
    let said: OfftakeError | undefined;
    this.#heartbeatAt = startedAt;
    while ((await waitOrStop(tickMs, signal)) === "elapsed" && Date.now() - startedAt < renewAfterMs) {
      const now = Date.now();
      const verdict = liveness({ walSenderTimeout, now, lastStatusAt: this.#statusAt, lastBytesAt: capture.lastBytesAt, paused: capture.paused });
      if (verdict.dead)
        throw new OfftakeError(
          "SOURCE_UNREACHABLE",
          `The source has sent nothing for ${Math.round((now - capture.lastBytesAt) / 1000)} s on the stream of ${connector.slot}.`,
        );
      if (verdict.sendStatus || capture.confirmable > this.#confirmed) {
        failpoint?.("before-slot-confirmed", () => stream.cut());
        this.#confirmed = capture.confirmable;
        this.#statusAt = now;
        stream.status(capture.received, capture.confirmable, verdict.sendStatus);
        failpoint?.("after-slot-confirmed", () => stream.cut());
      }
      if (now - Math.max(capture.lastEventAt, this.#heartbeatAt) >= connector.heartbeatEveryMs) {
        this.#heartbeatAt = now;
        emitHeartbeat(this.#source).catch((error: unknown) =>
          log.warn({ err: sessionError(error, "source", this.#context.configuration.source.url) }, "no heartbeat"),
        );
      }
      const { waitsFor } = compiler;
      if (waitsFor !== undefined && waitsFor !== said) interruption.tell(waitsFor, "the stream waits for a commit at the source; nothing is lost");
      said = waitsFor;
      // Connected again counts where nothing waits to be sent: the next event may be an hour away.
      if (waitsFor === undefined && (outbox.events > counted.events || (producer.ready && producer.pending === 0))) interruption.over();
      metrics.captureEventsTotal.inc(labels, outbox.events - counted.events);
      metrics.captureTransactionsTotal.inc(labels, outbox.transactions - counted.transactions);
      counted = { events: outbox.events, transactions: outbox.transactions };
      metrics.capturePositionBytes.set(labels, Number(outbox.durableLsn));
      const oldest = outbox.oldestPendingMicros ?? (waitsFor === undefined ? undefined : capture.heldMicros);
      metrics.captureLagSeconds.set(labels, captureLag(oldest, capture.lastBytesAt, walSenderTimeout, now));
    }
  }

  /** Whole transactions that were read are published and confirmed before the end; what is left comes again. */
  async #drain({ producer, stream, outbox, capture }: Work): Promise<void> {
    capture.stop();
    outbox.flush();
    await Promise.race([settled(producer), this.#failure.promise]);
    stream.status(capture.received, capture.confirmable, false);
  }

  /** The end of the source's WAL. */
  async #flushed(): Promise<Lsn> {
    const { rows } = await this.#source.query<{ lsn: string }>("SELECT pg_current_wal_flush_lsn()::text AS lsn");
    return parseLsn(rows[0]!.lsn);
  }

  async #walSenderTimeout(): Promise<number> {
    const { rows } = await this.#source.query<{ ms: string }>("SELECT setting AS ms FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'");
    return Number(rows[0]?.ms ?? 60_000);
  }

  /** What was sent before is waited for, as long as at a stop: the start after it may fail in the same place. */
  async #failSettled(error: OfftakeError, producer: Producer): Promise<void> {
    await settled(producer);
    this.#fail(error);
  }

  #fail(error: OfftakeError): void {
    this.#failure.reject(error);
  }
}

/** What was sent is durable, or has had its time. */
async function settled(producer: Producer): Promise<void> {
  const patience = AbortSignal.timeout(drainLimitMs);
  while (producer.pending > 0 && (await waitOrStop(20, patience)) === "elapsed");
}

function sourceGone(url: Secret): OfftakeError {
  return new OfftakeError("SOURCE_UNREACHABLE", `The source at ${url.describe()} ended the session.`);
}

interface Work {
  readonly producer: Producer;
  readonly stream: ReplicationStream;
  readonly outbox: Outbox;
  readonly compiler: RelationCompiler;
  readonly capture: Capture;
  /** Milliseconds. */
  readonly walSenderTimeout: number;
}

/** Seconds since the commit of the oldest transaction that is not in Kafka; 0 when all that was received is. A silent source cannot be judged. */
function captureLag(oldestPendingMicros: number | undefined, lastBytesAt: number, walSenderTimeout: number, now: number): number {
  if (oldestPendingMicros !== undefined) return Math.max(now - oldestPendingMicros / 1000, 0) / 1000;
  return now - lastBytesAt > walSenderTimeout ? (now - lastBytesAt) / 1000 : 0;
}
