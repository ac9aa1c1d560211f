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
import { expandTables } from "../../services/runtime/expand-tables.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../../services/runtime/configuration.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { Log } from "../../services/runtime/log.ts";
import type { Metrics } from "../../services/runtime/metrics.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import { matchesTable } from "../../services/runtime/table-pattern.ts";
import { version } from "../../services/runtime/version.ts";
import { KafkaCluster } from "../kafka/cluster.ts";
import { initProducerId, transactionalIdOf } from "../kafka/producer-id.ts";
import { Producer } from "../kafka/producer.ts";
import { Registry } from "../kafka/registry.ts";
import { readTopicSettings, refuseFaultyTopic, topicFaults } from "../kafka/topic.ts";
import { Capture } from "./capture.ts";
import { listTables } from "./catalog-tables.ts";
import { emitHeartbeat } from "./heartbeat.ts";
import { liveness } from "./liveness.ts";
import { Outbox } from "./outbox.ts";
import { readPublication, refusePublication } from "./publication.ts";
import { RelationCompiler } from "./relation-compiler.ts";
import { ReplicationSession, type ReplicationStream } from "./replication-stream.ts";
import { endSession, openSession, sessionError } from "./session.ts";
import { slotHealth, type SlotWord } from "./slot-health.ts";
import { readSlot, type Slot } from "./slot.ts";
import { checkStart } from "./start-checks.ts";
import { markerThrough, producerDeadline, takeOver } from "./take-over.ts";

export interface ConnectorContext {
  readonly configuration: Configuration;
  readonly connector: ConnectorConfiguration;
  readonly service: ServiceConfiguration;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Told when it begins to capture. */
  readonly capturing: () => void;
}

/** Milliseconds between looks at clocks, and between looks at the slot. */
const tickMs = 200;
const slotEveryMs = 10_000;

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
  try {
    const source = await openSession(configuration.source.url, { side: "source", applicationName, statementTimeoutMs: 30_000, pipeline: true });
    ends.push(async () => endSession(source));
    try {
      await new Connection(context, source, applicationName, ends).run(signal);
    } catch (error) {
      throw error instanceof OfftakeError ? error : sessionError(error, "source", configuration.source.url);
    }
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

class Connection {
  readonly #context: ConnectorContext;
  readonly #source: Client;
  readonly #applicationName: string;
  readonly #ends: (() => Promise<void>)[];
  readonly #failure = Promise.withResolvers<never>();
  #over = false;
  /** Milliseconds since 1970 of the newest proof that the slot is ours, the newest heartbeat, the newest status, and what it confirmed. */
  #provenAt = Date.now();
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
    const { configuration, connector, service, log } = this.#context;
    const { topic } = service;
    const tables = expandTables(configuration.services, await listTables(this.#source)).get(service.name) ?? [];
    refusePublication(connector.publication, await readPublication(this.#source, connector.publication), tables);
    const replication = await ReplicationSession.open(configuration.source.url, this.#applicationName);
    this.#ends.push(async () => replication.end());
    const identity = await replication.identify();
    const history = await replication.history(identity.timeline);
    await this.#slot(identity.database);

    const cluster = new KafkaCluster(configuration.kafka, this.#applicationName.replaceAll(" ", "-"));
    this.#ends.push(async () => cluster.close());
    const registry = new Registry(configuration.registry.url);
    const settings = await readTopicSettings(cluster, topic);
    refuseFaultyTopic(
      topic,
      topicFaults(topic, await cluster.leader(topic), settings, configuration.kafka.maxEventBytes, configuration.mode === "production"),
    );
    const messageSchemaId = await registry.register(
      subjectOf(topic, messageEnvelopeName(configuration.kafka.topicPrefix)),
      messageSchema(configuration.kafka.topicPrefix),
    );

    const stream = await replication.stream(connector.slot, connector.publication);
    this.#ends.push(async () => stream.end());
    const { backendPid } = replication;
    this.#watchSlot(backendPid, signal).catch((error: unknown) => this.#fail(sessionError(error, "source", configuration.source.url)));
    // Only now is nobody else moving it.
    const slot = await this.#slot(identity.database);
    stream.onEnd = (error) =>
      this.#fail(new OfftakeError("SOURCE_UNREACHABLE", `The replication stream of ${connector.slot} ended: ${error.message}.`, { cause: error }));
    const producerIdentity = await initProducerId(cluster, transactionalIdOf(connector.name), signal);
    const producer = new Producer(cluster, topic, producerIdentity, {
      durable: () => {},
      failed: (error) => this.#fail(error),
      interrupted: (error) => log.warn({ err: error }, "Kafka does not take events; they are kept and sent again"),
      refuses: () => this.#withoutProof(),
    });
    this.#ends.push(async () => producer.end());

    const names = { version, name: configuration.kafka.topicPrefix, identity };
    const over = { cluster, registry, topic, connector: connector.name, slot: connector.slot, names, history, messageSchemaId, signal };
    const tail = await Promise.race([takeOver(over, producerIdentity, markerThrough(producer)), this.#failure.promise]);
    if (signal.aborted) return;
    checkStart(tail, slot, identity, history, topic);

    const outbox = new Outbox(producer, settings.compression, slot.confirmedFlush, () => capture.resume());
    const compiler = new RelationCompiler(configuration.kafka.topicPrefix, topic, registry, this.#source);
    const capture = new Capture(stream, outbox, compiler, {
      topic,
      names,
      tail,
      maxEventBytes: configuration.kafka.maxEventBytes,
      messageSchemaId,
      owns: (schema, table) => service.tables.some((entry) => matchesTable(entry, { schema, table })),
      leftOut: (what) => log.warn(`left out: ${what}`),
      failed: (error) => this.#fail(error),
    });
    const walSenderTimeout = await this.#walSenderTimeout();
    log.info({ topic, slot: connector.slot, tables: tables.length }, "capturing");
    this.#context.capturing();
    capture.resume();
    const work = { stream, outbox, capture, walSenderTimeout };
    await Promise.race([this.#keepAlive(work, signal), this.#failure.promise]);
    await this.#drain(producer, work);
  }

  /** Ticks until it is stopped or has run for a day. */
  async #keepAlive({ stream, outbox, capture, walSenderTimeout }: Work, signal: AbortSignal): Promise<void> {
    const { connector, metrics, log } = this.#context;
    const labels = { connector: connector.name };
    const startedAt = Date.now();
    let counted = { events: 0, transactions: 0 };
    this.#heartbeatAt = startedAt;
    while ((await waitOrStop(tickMs, signal)) === "elapsed" && Date.now() - startedAt < renewAfterMs) {
      const now = Date.now();
      const verdict = liveness({ walSenderTimeout, now, lastStatusAt: this.#statusAt, lastBytesAt: capture.lastBytesAt, paused: capture.paused });
      if (verdict.dead)
        throw new OfftakeError(
          "SOURCE_UNREACHABLE",
          `The source has sent nothing for ${Math.round((now - capture.lastBytesAt) / 1000)} s on the stream of ${connector.slot}.`,
        );
      if (verdict.sendStatus || outbox.confirmable > this.#confirmed) {
        this.#confirmed = outbox.confirmable;
        this.#statusAt = now;
        stream.status(capture.received, outbox.confirmable, verdict.sendStatus);
      }
      if (now - Math.max(capture.lastEventAt, this.#heartbeatAt) >= connector.heartbeatEveryMs) {
        this.#heartbeatAt = now;
        emitHeartbeat(this.#source).catch((error: unknown) =>
          log.warn({ err: sessionError(error, "source", this.#context.configuration.source.url) }, "no heartbeat"),
        );
      }
      metrics.captureEventsTotal.inc(labels, outbox.events - counted.events);
      metrics.captureTransactionsTotal.inc(labels, outbox.transactions - counted.transactions);
      counted = { events: outbox.events, transactions: outbox.transactions };
      metrics.capturePositionBytes.set(labels, Number(outbox.durableLsn));
      metrics.captureLagSeconds.set(labels, captureLag(outbox.oldestPendingMicros, capture.lastBytesAt, walSenderTimeout, now));
    }
  }

  /** Looks at the slot until it is stopped or the session has ended: how much WAL it holds, and whether it is still ours. */
  async #watchSlot(backendPid: number, signal: AbortSignal): Promise<void> {
    const { connector, configuration, metrics, log } = this.#context;
    const labels = { connector: connector.name };
    let before: SlotWord = "ok";
    do {
      const slot = await readSlot(this.#source, connector.slot);
      if (slot?.activePid === backendPid) this.#provenAt = Date.now();
      metrics.slotActive.set(labels, slot?.active === true ? 1 : 0);
      if (slot !== undefined) metrics.slotRetainedBytes.set(labels, slot.retainedBytes);
      if (slot?.safeWalSize !== undefined) metrics.slotSafeBytes.set(labels, slot.safeWalSize);
      const { word, reason, page } = slotHealth(slot, configuration.source.maxRetainedWalBytes);
      if (word !== before)
        log[page ? "error" : word === "ok" ? "info" : "warn"](
          { slot: connector.slot, health: word },
          reason === "" ? "the slot is well again" : reason,
        );
      before = word;
    } while (!this.#over && (await waitOrStop(slotEveryMs, signal)) === "elapsed");
  }

  /** Whole transactions that were read are published and confirmed before the end; what is left comes again. */
  async #drain(producer: Producer, { stream, outbox, capture }: Work): Promise<void> {
    capture.stop();
    outbox.flush();
    const patience = AbortSignal.timeout(drainLimitMs);
    while (producer.pending > 0 && (await Promise.race([waitOrStop(20, patience), this.#failure.promise])) === "elapsed");
    stream.status(capture.received, outbox.confirmable, false);
  }

  /** @throws OfftakeError SLOT_MISSING, SLOT_LOST, SLOT_UNSUITABLE */
  async #slot(database: string): Promise<Slot> {
    const { slot: name } = this.#context.connector;
    const slot = await readSlot(this.#source, name);
    if (slot === undefined)
      throw new OfftakeError("SLOT_MISSING", `The slot ${name} does not exist at the source.`, {
        cure: "If it never did, `offtake up` creates it. If it was dropped, the WAL since then is gone: the service's tables have to be copied again.",
      });
    if (slot.walStatus === "lost")
      throw new OfftakeError("SLOT_LOST", `The slot ${name} can no longer be read: WAL that it needed is gone ${slot.invalidationReason}`.trimEnd(), {
        cure: "The service's tables have to be copied again. Raise max_slot_wal_keep_size.",
      });
    if (slot.plugin !== "pgoutput" || slot.database !== database)
      throw new OfftakeError(
        "SLOT_UNSUITABLE",
        `The slot ${name} is for ${slot.plugin || "physical replication"} in the database ${slot.database || "(none)"}, not for pgoutput in ${database}.`,
        {
          cure: "Choose another name in the connector's `slot`.",
        },
      );
    return slot;
  }

  /** A connector that has been asleep must not publish: by now another may own the slot. */
  #withoutProof(): OfftakeError | undefined {
    const age = Date.now() - this.#provenAt;
    if (age < producerDeadline) return undefined;
    return new OfftakeError(
      "CONNECTOR_FENCED",
      `The connector ${this.#context.connector.name} has had no proof for ${Math.round(age / 1000)} s that the slot is still its own.`,
      {
        cure: "Nothing was lost: it starts over and reads where the topic ends.",
      },
    );
  }

  async #walSenderTimeout(): Promise<number> {
    const { rows } = await this.#source.query<{ ms: string }>("SELECT setting AS ms FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'");
    return Number(rows[0]?.ms ?? 60_000);
  }

  #fail(error: OfftakeError): void {
    this.#over = true;
    this.#failure.reject(error);
  }
}

interface Work {
  readonly stream: ReplicationStream;
  readonly outbox: Outbox;
  readonly capture: Capture;
  /** Milliseconds. */
  readonly walSenderTimeout: number;
}

/** Seconds since the commit of the oldest transaction that is not in Kafka; 0 when all that was received is. A silent source cannot be judged. */
function captureLag(oldestPendingMicros: number | undefined, lastBytesAt: number, walSenderTimeout: number, now: number): number {
  if (oldestPendingMicros !== undefined) return Math.max(now - oldestPendingMicros / 1000, 0) / 1000;
  return now - lastBytesAt > walSenderTimeout ? (now - lastBytesAt) / 1000 : 0;
}
