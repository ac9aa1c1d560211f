/**
 * The acts of the demo, once the product runs: load, drain, proof. Each can be had alone, as the tests do.
 */
import type { Client } from "pg";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import { listTables } from "../../connectors/postgres/catalog-tables.ts";
import { endSession, openSession } from "../../connectors/postgres/session.ts";
import { expandTables } from "../../services/runtime/expand-tables.ts";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import { type DemoSessions, openSessions } from "./demo-sessions.ts";
import { drain } from "./drain.ts";
import { Health } from "./health.ts";
import { Probes } from "./probes.ts";
import { prove, type TableProof } from "./proof.ts";
import { ServerWatch } from "./server-watch.ts";
import type { Stage } from "./stage.ts";
import { countRowEvents } from "./topic-count.ts";

export interface Scene extends AsyncDisposable {
  readonly stage: Stage;
  readonly sessions: DemoSessions;
  readonly health: Health;
  readonly servers: ServerWatch;
  readonly probes: Probes;
  readonly cluster: KafkaCluster;
  /** Tables of the monolith, by the service that owns them. */
  readonly tables: ReadonlyMap<string, readonly TableName[]>;
}

/** @param seed of the probes' moments */
export async function openScene(stage: Stage, seed: number): Promise<Scene> {
  const { configuration } = stage;
  const { url } = configuration.source;
  const ends: (() => Promise<void>)[] = [];
  const dispose = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end();
  };
  try {
    const sessions = await openSessions(configuration);
    ends.push(async () => sessions[Symbol.asyncDispose]());
    const options = {
      side: "source",
      applicationName: "offtake demo probe",
      statementTimeoutMs: 120_000,
      settings: { search_path: "public" },
    } as const;
    const probing: Client = await openSession(url, options);
    ends.push(async () => endSession(probing));
    const cluster = new KafkaCluster(configuration.kafka, "offtake-demo");
    ends.push(async () => cluster.close());
    const { host, port } = configuration.http;
    return {
      stage,
      sessions,
      health: new Health(`http://${host}:${port}`),
      servers: new ServerWatch(stage.stack),
      probes: new Probes(probing, sessions.targets, seed),
      cluster,
      tables: expandTables(configuration.services, await listTables(sessions.source)),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Sends the last probes and waits until everything before them is at the services. Nobody may write after it, or the proof compares two moments. */
export async function drainScene({ stage, sessions, cluster, probes }: Scene, signal: AbortSignal): Promise<void> {
  await probes.last();
  await drain(stage.configuration, sessions, cluster, probes, signal);
}

export async function proveScene({ stage, tables }: Scene, signal: AbortSignal): Promise<TableProof[]> {
  const { source, services } = stage.configuration;
  return prove(
    source.url,
    services.map(({ name, target }) => ({ service: name, target: target.url, tables: tables.get(name) ?? [] })),
    signal,
  );
}

/** Events of row changes in all topics. */
export async function countEvents({ stage, cluster }: Scene, signal: AbortSignal): Promise<number> {
  const registry = new Registry(stage.configuration.registry.url);
  let events = 0;
  for (const { topic } of stage.configuration.services) events += await countRowEvents(cluster, registry, topic, signal);
  return events;
}
