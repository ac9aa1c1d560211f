/**
 * Others can read us: Debezium's JDBC sink, configured as docs/consumers.md says, reads one of our topics into a table of its own, which must end equal to
 * the source's. No figure: the sink's speed is not ours.
 */
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import type { LocalStack } from "../../infra/local/stack.ts";
import { Secret } from "../../services/runtime/secret.ts";
import { FilledTopic } from "./apply-bench.ts";
import { Backlog } from "./backlog.ts";
import { connect, fingerprint } from "./bench-servers.ts";
import { connectJars } from "./connect-jars.ts";
import { ConnectWorker } from "./connect-worker.ts";
import { documentedSink } from "./documented-sink.ts";
import { until } from "./measure.ts";
import { hasLastRow, untilSettled } from "./sink-end.ts";
import type { Workload } from "./workloads.ts";

export interface Interop {
  readonly bench: "interop";
  readonly workload: string;
  readonly equal: true;
  /** Records of the topic, messages among them, and row changes. */
  readonly records: number;
  readonly changes: number;
  /** Of the table, at both ends. */
  readonly rows: number;
}

/** @throws where the table that the sink has written is not the source's */
export async function interop(stack: LocalStack, workload: Workload, progress: (line: string) => void): Promise<Interop> {
  await letIdsDiffer(stack);
  const backlog = await Backlog.prepare(stack, workload, progress);
  const filled = await FilledTopic.fill(backlog, "off");
  const { topic } = filled.installation;
  const database = "interop";
  const target = await connect(await backlog.targetDatabase(database));
  const worker = await ConnectWorker.start(stack, "connect-interop", await connectJars(stack.folder, progress));
  progress(`${workload.name}: Debezium's sink reads ${topic}`);
  try {
    const { host, username, password } = new URL(stack.target.url(database));
    await worker.put(
      "interop",
      documentedSink({
        topic,
        "host:port": host,
        database,
        user: decodeURIComponent(username),
        password: decodeURIComponent(password),
        registry: new URL(stack.registry.url).origin,
      }),
    );
    await until("the sink has written the last row", async () => {
      await worker.refuseFailed("interop");
      return hasLastRow(target);
    });
    await untilSettled(target, backlog.rowsAtEnd);
    const written = await fingerprint(target);
    if (written !== backlog.fingerprint) throw new Error(`the sink's table is not the source's: ${written} instead of ${backlog.fingerprint}`);
    const records = await recordsOf(filled);
    if (records <= backlog.changes) throw new Error("the topic has no messages: that the sink leaves them out is not shown");
    return { bench: "interop", workload: workload.name, equal: true, records, changes: backlog.changes, rows: Number(written.split(" ")[0]) };
  } finally {
    await worker.stop();
    await target.end();
    await stack.target.dropDatabase(database);
    await filled.end();
    await backlog.end();
  }
}

/** A registry has an id for a content and another for its place under a subject. In a new one they are the same, and a reader that takes the wrong one is right. */
async function letIdsDiffer(stack: LocalStack): Promise<void> {
  const registry = new Registry(new Secret(stack.registry.url));
  const schema = { type: "record", name: "Interop", fields: [{ name: "id", type: "long" }] };
  for (const subject of ["interop-1", "interop-2", "interop-3"]) await registry.register(subject, schema);
}

async function recordsOf({ installation: { configuration, topic } }: FilledTopic): Promise<number> {
  const cluster = new KafkaCluster(configuration.kafka, "offtake-bench");
  try {
    return (await offsetRange(cluster, topic)).end;
  } finally {
    await cluster.close();
  }
}
