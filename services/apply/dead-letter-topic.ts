/**
 * Publishes what is put aside to the topic of dead letters, beside the applier and behind its commits: from the table in the target, which is the truth, so that nothing is in
 * the topic that is not committed, and what is committed comes to be in the topic, at least once, in the order in which it was put aside. A broker that is away holds up nobody but
 * this.
 *
 * Source: docs/dead-letters.md.
 */
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { initProducerId, transactionalIdOf } from "../../connectors/kafka/producer-id.ts";
import { Producer, type ProducerEvents } from "../../connectors/kafka/producer.ts";
import { headersOf, RecordBatchWriter } from "../../connectors/kafka/record-batch.ts";
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import { Backoff } from "../runtime/backoff.ts";
import { Complaints } from "../runtime/complaints.ts";
import type { Configuration, ServiceConfiguration } from "../runtime/configuration.ts";
import { asOfftakeError, interrupted } from "../runtime/errors.ts";
import type { Log } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { markPublished, nextUnpublished, type UnpublishedLetter } from "./dead-letter-outbox.ts";

export interface DeadLetterTopicContext {
  readonly configuration: Configuration;
  readonly service: ServiceConfiguration;
  readonly connector: string;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Milliseconds between two looks at a table that has nothing new; and the bounds of the wait behind a failure. */
const lookEveryMs = 1000;
const firstWaitMs = 200;
const longestWaitMs = 10_000;

/** Runs until it is stopped. Never fails: the applier does not depend on it. */
export async function publishDeadLetters(context: DeadLetterTopicContext, topic: string, signal: AbortSignal): Promise<void> {
  const complaints = new Complaints(context.log, context.metrics);
  const backoff = new Backoff(firstWaitMs, longestWaitMs);
  while (!signal.aborted) {
    try {
      await publishUntilStopped(context, topic, complaints, () => backoff.reset(), signal);
    } catch (error) {
      if (signal.aborted) return;
      complaints.say(asOfftakeError(error), "dead letters are not published; it is tried again");
      await waitOrStop(backoff.next(), signal);
    }
  }
}

async function publishUntilStopped(
  { configuration, service, connector }: DeadLetterTopicContext,
  topic: string,
  complaints: Complaints,
  published: () => void,
  signal: AbortSignal,
): Promise<void> {
  const applicationName = `offtake ${service.name} dead letters`;
  const client = await openSession(service.target.url, { side: "target", applicationName, statementTimeoutMs: 30_000 });
  const cluster = new KafkaCluster(configuration.kafka, `offtake-${service.name}-dead-letters`);
  let writer: LetterWriter | undefined;
  try {
    while (!signal.aborted) {
      const letter = await nextUnpublished(client, connector);
      if (letter === undefined) {
        await waitOrStop(lookEveryMs, signal);
        continue;
      }
      writer ??= await LetterWriter.open(cluster, topic, connector, complaints, signal);
      await writer.put(letter, signal);
      await markPublished(client, connector, letter.id);
      published();
    }
  } catch (error) {
    throw sessionError(error, "target", service.target.url);
  } finally {
    writer?.end();
    await cluster.close();
    await endSession(client);
  }
}

const nothing = (): void => undefined;

class LetterWriter {
  readonly #producer: Producer;
  readonly #events: ProducerEvents;

  private constructor(producer: Producer) {
    this.#producer = producer;
    this.#events = producer.events;
  }

  static async open(cluster: KafkaCluster, topic: string, connector: string, complaints: Complaints, signal: AbortSignal): Promise<LetterWriter> {
    // No connector's own, whatever it is called: no name has a slash. And under the prefix for which Offtake has the right.
    const identity = await initProducerId(cluster, `${transactionalIdOf(connector)}/dead-letters`, signal);
    // A topic that is not there is asked for before, so that its absence is an error and not a wait.
    await cluster.leader(topic);
    const interruption: ProducerEvents["interrupted"] = (error) => complaints.say(error, "dead letters are not published; it is tried again");
    return new LetterWriter(
      new Producer(cluster, topic, identity, { durable: nothing, failed: nothing, interrupted: interruption, refuses: () => undefined }),
    );
  }

  /** Resolves when the brokers have it. @throws why they do not */
  async put(letter: UnpublishedLetter, signal: AbortSignal): Promise<void> {
    const producer = this.#producer;
    if (producer.failure !== undefined) throw producer.failure;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = (): void => reject(interrupted("a dead letter was in its topic"));
    producer.events = { ...this.#events, durable: () => resolve(), failed: reject };
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    else producer.send(batchOf(letter));
    try {
      await promise;
    } finally {
      producer.events = this.#events;
      signal.removeEventListener("abort", stop);
    }
  }

  end(): void {
    this.#producer.end();
  }
}

/** The event as it stands in the service's topic, without a key, since the schema of the key is not the letter's to say. */
function batchOf({ event, headers }: UnpublishedLetter): RecordBatchWriter {
  const entries = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === null ? [] : [[`offtake.dead-letter.${name}`, value]],
  );
  const bytes = headersOf(entries);
  const batch = new RecordBatchWriter("none", event.length + bytes.length + 1024);
  batch.writer.reserve(event.length + bytes.length + 64);
  batch.begin();
  batch.nullKey();
  batch.beginValue();
  batch.writer.raw(event, 0, event.length);
  batch.endValue();
  batch.end(bytes);
  return batch;
}
