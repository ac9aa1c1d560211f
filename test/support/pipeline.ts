/**
 * A whole pipeline for one test: a monolith and a service's database of its own, a configuration, and what `offtake up` and `offtake run` do with them, in
 * this process. Slot, publication and topic have names that no other test has, so that files run side by side on the shared servers.
 *
 *     await using pipeline = await createPipeline("CREATE TABLE trades (id bigint PRIMARY KEY, note text)");
 *     await pipeline.up();
 *     await using connector = pipeline.startConnector();
 *     await using applier = pipeline.startApplier();
 *     await applier.working;
 *     await pipeline.source.query("INSERT INTO trades VALUES (1, 'a')");
 *     await waitFor(async () => (await pipeline.target.query("TABLE trades")).rowCount === 1, { what: "the row at the target" });
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg, { type Client } from "pg";
import { inject } from "vitest";
import { stringify } from "yaml";
import { runConnector } from "../../connectors/postgres/connector.ts";
import type { SnapshotJournal } from "../../connectors/postgres/snapshot-journal.ts";
import { runApplier } from "../../services/apply/applier.ts";
import { up, type ServiceUp, type UpOptions } from "../../services/cli/up.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../../services/runtime/configuration.ts";
import { parseConfiguration } from "../../services/runtime/configuration.ts";
import { createMetrics, type Metrics } from "../../services/runtime/metrics.ts";
import { createDatabase, dropDatabase } from "../../infra/local/postgres-server.ts";
import { uniqueName } from "./databases.ts";
import { type RunningUnit, startUnit } from "./running-unit.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Where the servers are: superusers' URLs, host:port of brokers, URL of the registry. Those of the run (`inject`) unless a test brings its own stack. */
export interface Servers {
  readonly source: string;
  readonly target: string;
  readonly kafka: readonly string[];
  readonly registry: string;
  /** URL of a control database; where it is left out, the pipeline has one of its own on the target's server. */
  readonly control?: string;
}

export interface PipelineOptions {
  readonly servers?: Servers;
  /** The service's `tables`; default: everything in the schema public. */
  readonly tables?: readonly string[] | Readonly<Record<string, unknown>>;
  /** Default 1h: no heartbeat disturbs a test that does not ask for one. */
  readonly heartbeatEvery?: string;
  /** The connector's. */
  readonly failover?: boolean;
  /** kafka.maxEvent. */
  readonly maxEvent?: string;
  /** The service's `apply`. */
  readonly apply?: Readonly<Record<string, unknown>>;
  /** The service's. */
  readonly deadLetterTopic?: boolean;
}

/** `await using` drops both databases at the end of the block, with their slots; units are the test's to stop before. */
export interface Pipeline extends AsyncDisposable {
  readonly configuration: Configuration;
  readonly connector: ConnectorConfiguration;
  readonly service: ServiceConfiguration;
  /** offtake.yaml with the same configuration, for processes of the CLI. */
  readonly file: string;
  /** Superusers' URLs and sessions. */
  readonly sourceUrl: string;
  readonly targetUrl: string;
  readonly controlUrl: string;
  readonly source: Client;
  readonly target: Client;
  readonly metrics: Metrics;
  /** `offtake up`, with --create-tables unless told otherwise. */
  up(options?: UpOptions): Promise<ServiceUp>;
  /**
   * @param changed instead of the pipeline's own configuration
   * @param journal of the copies that it is to make; without one it makes none
   */
  startConnector(changed?: Partial<ConnectorConfiguration>, journal?: SnapshotJournal): RunningUnit;
  startApplier(): RunningUnit;
}

/** @param schemaSql run at the monolith */
export async function createPipeline(schemaSql: string, options: PipelineOptions = {}): Promise<Pipeline> {
  const servers: Servers = options.servers ?? {
    source: inject("source"),
    target: inject("target"),
    kafka: inject("kafka"),
    registry: inject("registry"),
    control: inject("control"),
  };
  const name = uniqueName("p");
  const folder = await temporaryFolder();
  await createDatabase(servers.source, name);
  await createDatabase(servers.target, name);
  const sourceUrl = databaseUrl(servers.source, name);
  const targetUrl = databaseUrl(servers.target, name);
  const ownControl = `${name}_control`;
  if (servers.control === undefined) await createDatabase(servers.target, ownControl);
  const controlUrl = servers.control ?? databaseUrl(servers.target, ownControl);
  const file = join(folder.path, "offtake.yaml");
  const text = stringify({
    mode: "development",
    source: { url: sourceUrl },
    kafka: { brokers: servers.kafka, topicPrefix: name, ...(options.maxEvent === undefined ? {} : { maxEvent: options.maxEvent }) },
    registry: { url: servers.registry },
    control: { url: controlUrl },
    connectors: {
      [name]: {
        publication: `${name}_pub`,
        slot: name,
        service: "trading",
        heartbeat: { every: options.heartbeatEvery ?? "1h" },
        failover: options.failover ?? false,
      },
    },
    services: {
      trading: {
        target: { url: targetUrl },
        tables: options.tables ?? ["*"],
        ...(options.apply === undefined ? {} : { apply: options.apply }),
        deadLetterTopic: options.deadLetterTopic ?? false,
      },
    },
  });
  await writeFile(file, text);
  const configuration = parseConfiguration(text, file, {});
  const connector = configuration.connectors[0]!;
  const service = configuration.services[0]!;
  const metrics = createMetrics("test");
  const source = await connect(sourceUrl);
  const target = await connect(targetUrl);
  await source.query(schemaSql);
  return {
    configuration,
    connector,
    service,
    file,
    sourceUrl,
    targetUrl,
    controlUrl,
    source,
    target,
    metrics,
    async up(wanted = { createTables: true }) {
      const silent = { json: true, progress: () => {}, answer: () => {} };
      return (await up(configuration, wanted, silent, new AbortController().signal))[0]!;
    },
    startConnector: (changed = {}, journal?: SnapshotJournal) =>
      startUnit(async ({ log, working, interruption, signal }) => {
        const context = { configuration, connector: { ...connector, ...changed }, service, log, metrics, journal, capturing: working, interruption };
        await runConnector(context, signal);
      }),
    startApplier: () =>
      startUnit(async ({ log, working, interruption, signal }) =>
        runApplier({ configuration, service, connector: connector.name, log, metrics, applying: working, interruption }, signal),
      ),
    async [Symbol.asyncDispose]() {
      await source.end();
      await target.end();
      await dropDatabase(servers.source, name);
      await dropDatabase(servers.target, name);
      if (servers.control === undefined) await dropDatabase(servers.target, ownControl);
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function connect(url: string): Promise<Client> {
  const client = new pg.Client(url);
  // A test that kills the server finds out by its next query.
  client.on("error", () => {});
  await client.connect();
  return client;
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
