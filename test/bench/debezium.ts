/**
 * Debezium as a peer: its source connector and its JDBC sink, each in a Connect worker of its own, as one deploys them.
 *
 * The workers stay from run to run and only the connectors come and go: a JVM that has just begun is two to three times slower, and nobody runs one for
 * some seconds. So the median is that of warm workers, where the product's processes are new in each run.
 */
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { ensureTopic } from "../../connectors/kafka/topic.ts";
import type { LocalStack } from "../../infra/local/stack.ts";
import type { KafkaConfiguration } from "../../services/runtime/configuration.ts";
import { type Backlog, publication } from "./backlog.ts";
import { connect, fingerprint } from "./bench-servers.ts";
import { type ConnectJars, connectJars } from "./connect-jars.ts";
import { ConnectWorker } from "./connect-worker.ts";
import type { Outcome } from "./contest.ts";
import { sinkConnector, snapshotConnector, sourceConnector } from "./debezium-connectors.ts";
import type { RunFigures } from "./figures.ts";
import { measure, until } from "./measure.ts";
import type { Pipeline, PipelineOptions, StartPipeline } from "./pipelines.ts";
import { pidsOf } from "./process-figures.ts";
import { hasLastRow, sinkBackend, untilSettled } from "./sink-end.ts";

/** Milliseconds between two looks of the source connector at its queue: what is best for the rate, and for latency. */
const pollMs = { rate: 50, latency: 5 };

/** A copy of a table's rows into an empty one. */
export interface DebeziumCopy {
  /** Of slot and topics. */
  readonly run: string;
  /** URLs. */
  readonly source: string;
  readonly target: string;
  readonly publication: string;
  /** With the ids from 1, in their order. */
  readonly rows: number;
}

export class Debezium {
  readonly #stack: LocalStack;
  readonly #progress: (line: string) => void;
  readonly #workers = new Map<string, Promise<ConnectWorker>>();
  /** The run that has filled a topic for `apply`. */
  readonly #filled = new Map<Backlog, string>();
  #jars: Promise<ConnectJars> | undefined;

  /** Fetches and starts nothing before it is asked for a run. What it starts ends with the stack. */
  constructor(stack: LocalStack, progress: (line: string) => void) {
    this.#stack = stack;
    this.#progress = progress;
  }

  /** From the moment the slot is read to the last event in the topic. */
  async capture(backlog: Backlog): Promise<RunFigures> {
    const run = backlog.nextRun();
    const figures = await this.#capture(backlog, run);
    await this.#removeTopic(run);
    return figures;
  }

  /** From the moment the sink's sessions are there to the last row at the target; the source connector fills the topic before the first of these runs. */
  async apply(backlog: Backlog, synchronousCommit: "on" | "off"): Promise<Outcome> {
    const filled = await this.#fill(backlog);
    const run = backlog.nextRun();
    const url = await backlog.targetDatabase(run);
    const target = await connect(url);
    const worker = await this.#worker("connect-sink");
    await worker.put(run, sinkConnector({ url, topic: topicOf(filled), synchronousCommit }));
    const going = async (question: () => Promise<boolean>): Promise<boolean> => {
      await worker.refuseFailed(run);
      return question();
    };
    try {
      const figures = await measure(
        async () => ({ sink: worker.pid, target: await sinkBackend(target) }),
        async () => going(async () => (await sinkBackend(target)) !== 0),
        async () => going(async () => hasLastRow(target)),
      );
      await untilSettled(target, backlog.rowsAtEnd);
      return { figures, equal: (await fingerprint(target)) === backlog.fingerprint };
    } finally {
      await worker.remove(run);
      await target.end();
      await this.#stack.target.dropDatabase(run);
    }
  }

  /** Initial snapshot and sink, at the same time: from the moment the source connector is asked for to the last row at the target. */
  async copy({ run, source: url, publication: name, target: targetUrl, rows }: DebeziumCopy): Promise<RunFigures> {
    const source = await this.#worker("connect-source");
    const sink = await this.#worker("connect-sink");
    await this.#createTopic(run);
    await sink.put(run, sinkConnector({ url: targetUrl, topic: topicOf(run), synchronousCommit: "off" }));
    const target = await connect(targetUrl);
    const refuseFailed = async (): Promise<void> => {
      await source.refuseFailed(run);
      await sink.refuseFailed(run);
    };
    try {
      await until("the sink has its sessions", async () => (await sink.refuseFailed(run), (await sinkBackend(target)) !== 0));
      const broker = this.#broker;
      const figures = await measure(
        async () => ({ source: source.pid, sink: sink.pid, target: await sinkBackend(target), broker }),
        async () => {
          await source.put(run, snapshotConnector({ url, slot: run, publication: name, topicPrefix: run, pollMs: pollMs.rate }));
          return true;
        },
        async () => {
          await refuseFailed();
          return (await target.query("SELECT FROM bench WHERE id = $1", [rows])).rowCount === 1;
        },
      );
      await untilSettled(target, rows);
      return figures;
    } finally {
      await Promise.all([source.remove(run), sink.remove(run)]);
      await target.end();
      await this.#removeTopic(run);
    }
  }

  /** Source and sink together. @param purpose what the source connector is tuned for */
  pipeline(purpose: "rate" | "latency"): StartPipeline {
    return async (backlog, options) => this.#startPipeline(backlog, options, pollMs[purpose]);
  }

  /** Removes what it keeps for the backlog. */
  async end(backlog: Backlog): Promise<void> {
    const filled = this.#filled.get(backlog);
    if (filled !== undefined) await this.#removeTopic(filled);
    this.#filled.delete(backlog);
  }

  async #fill(backlog: Backlog): Promise<string> {
    const run = this.#filled.get(backlog) ?? backlog.nextRun();
    if (this.#filled.has(backlog)) return run;
    this.#progress(`${backlog.workload.name}: Debezium fills a topic for its sink`);
    this.#filled.set(backlog, run);
    await this.#capture(backlog, run);
    return run;
  }

  async #capture(backlog: Backlog, run: string): Promise<RunFigures> {
    await backlog.copySlot(run);
    await this.#createTopic(run);
    const worker = await this.#worker("connect-source");
    await worker.put(run, this.#source(backlog, run, pollMs.rate));
    const broker = this.#broker;
    const going = async (question: () => Promise<boolean>): Promise<boolean> => {
      await worker.refuseFailed(run);
      return question();
    };
    try {
      return await this.#withCluster(async (cluster) =>
        measure(
          async () => ({ source: worker.pid, walsender: await backlog.readerOf(run), broker }),
          async () => going(async () => (await backlog.readerOf(run)) !== 0),
          async () => going(async () => (await offsetRange(cluster, topicOf(run))).end >= backlog.changes),
        ),
      );
    } finally {
      await worker.remove(run);
      await until("the slot is free", async () => (await backlog.readerOf(run)) === 0);
      await backlog.dropSlot(run);
    }
  }

  async #startPipeline(backlog: Backlog, { run, synchronousCommit }: PipelineOptions, poll: number): Promise<Pipeline> {
    const source = await this.#worker("connect-source");
    const sink = await this.#worker("connect-sink");
    const url = this.#stack.target.url(run);
    const target = await connect(url);
    await this.#createTopic(run);
    await sink.put(run, sinkConnector({ url, topic: topicOf(run), synchronousCommit }));
    await until("the sink has its sessions", async () => {
      await sink.refuseFailed(run);
      return (await sinkBackend(target)) !== 0;
    });
    await source.put(run, this.#source(backlog, run, poll));
    const broker = this.#broker;
    return {
      pids: async () => ({ source: source.pid, sink: sink.pid, target: await sinkBackend(target), walsender: await backlog.readerOf(run), broker }),
      refuseFailed: async () => {
        await source.refuseFailed(run);
        await sink.refuseFailed(run);
      },
      settle: async () => untilSettled(target, backlog.rowsAtEnd),
      stop: async () => {
        await Promise.all([source.remove(run), sink.remove(run)]);
        await until("the slot is free", async () => (await backlog.readerOf(run)) === 0);
        await target.end();
        await this.#removeTopic(run);
      },
    };
  }

  #source(backlog: Backlog, run: string, poll: number): Record<string, string> {
    return sourceConnector({ url: this.#stack.source.url(backlog.database), slot: run, publication, topicPrefix: run, pollMs: poll });
  }

  async #worker(name: string): Promise<ConnectWorker> {
    this.#jars ??= connectJars(this.#stack.folder, this.#progress);
    const jars = await this.#jars;
    const starting = this.#workers.get(name) ?? ConnectWorker.start(this.#stack, name, jars);
    this.#workers.set(name, starting);
    return starting;
  }

  get #broker(): number {
    return pidsOf("kafka.Kafka", this.#stack.folder)[0] ?? 0;
  }

  async #createTopic(run: string): Promise<void> {
    await this.#withCluster(async (cluster) => ensureTopic(cluster, topicOf(run), kafka(this.#stack), false));
  }

  async #removeTopic(run: string): Promise<void> {
    await this.#withCluster(async (cluster) => cluster.admin.deleteTopics({ topics: [topicOf(run)] }));
  }

  async #withCluster<T>(work: (cluster: KafkaCluster) => Promise<T>): Promise<T> {
    const cluster = new KafkaCluster(kafka(this.#stack), "offtake-bench");
    try {
      return await work(cluster);
    } finally {
      await cluster.close();
    }
  }
}

function kafka({ kafka: { brokers } }: LocalStack): KafkaConfiguration {
  return { brokers, topicPrefix: "bench", replicationFactor: 1, maxEventBytes: 8 << 20 };
}

/** As Debezium names it: prefix, schema, table. */
function topicOf(run: string): string {
  return `${run}.public.bench`;
}
