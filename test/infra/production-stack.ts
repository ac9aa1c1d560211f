/**
 * Servers as `mode: production` asks for them: TLS on every way, three brokers, topics with three replicas of which two must have what is acknowledged.
 * What the tests themselves ask of PostgreSQL and of the registry goes without TLS.
 */
import { chmod, chown, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { readTopicSettings } from "../../connectors/kafka/topic.ts";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { freePort } from "../../infra/local/free-port.ts";
import type { KafkaNode } from "../../infra/local/kafka-node.ts";
import { type Stack, startStack } from "../../infra/local/stack.ts";
import { unprivilegedUser } from "../../infra/local/unprivileged-user.ts";
import { parseConfiguration } from "../../services/runtime/configuration.ts";
import { Secret } from "../../services/runtime/secret.ts";
import { createCertificate } from "../support/certificate.ts";
import { createPipeline, type Pipeline } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** A pipeline whose file and configuration are in mode production. Processes of the CLI need `environment`. */
export interface ProductionPipeline extends Pipeline {
  readonly environment: Readonly<Record<string, string>>;
  readonly cluster: KafkaCluster;
  /** The broker that leads the topic now. */
  leader(): Promise<KafkaNode>;
  minInSyncReplicas(): Promise<number>;
}

export interface ProductionStack extends AsyncDisposable {
  readonly stack: Stack;
  createPipeline(schemaSql: string): Promise<ProductionPipeline>;
}

export async function startProductionStack(): Promise<ProductionStack> {
  const folder = await temporaryFolder();
  const { certificate, key } = createCertificate();
  const file = (name: string): string => join(folder.path, name);
  await writeFile(file("certificate.pem"), certificate);
  await writeFile(file("key.pem"), key, { mode: 0o600 });
  await writeFile(file("both.pem"), `${key}${certificate}`, { mode: 0o600 });
  // PostgreSQL refuses a key that others can read.
  await writeFile(file("postgresql-key.pem"), key, { mode: 0o600 });
  const user = unprivilegedUser();
  if (user !== undefined) await chown(file("postgresql-key.pem"), user.uid, user.gid);
  await chmod(file("certificate.pem"), 0o644);
  const postgresql = { ssl: "on", ssl_cert_file: file("certificate.pem"), ssl_key_file: file("postgresql-key.pem") };
  const registryPort = await freePort();
  const stack = await startStack({
    backend: "local",
    brokers: 3,
    progress: (line) => void process.stderr.write(`stack: ${line}\n`),
    settings: {
      source: postgresql,
      target: postgresql,
      kafka: {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": file("both.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": file("certificate.pem"),
      },
      registry: {
        "quarkus.http.ssl-port": String(registryPort),
        "quarkus.http.ssl.certificate.files": file("certificate.pem"),
        "quarkus.http.ssl.certificate.key-files": file("key.pem"),
      },
    },
  });
  const servers = { source: stack.source.url(), target: stack.target.url(), kafka: stack.kafka.brokers, registry: stack.registry.url };
  return {
    stack,
    async createPipeline(schemaSql) {
      const pipeline = await createPipeline(schemaSql, { servers });
      const registryUrl = new URL(stack.registry.url);
      [registryUrl.protocol, registryUrl.port] = ["https:", String(registryPort)];
      const environment = {
        NODE_EXTRA_CA_CERTS: file("certificate.pem"),
        MONOLITH_URL: `${pipeline.sourceUrl}?sslmode=verify-full`,
        TRADING_URL: `${pipeline.targetUrl}?sslmode=verify-full`,
        CONTROL_URL: `${pipeline.controlUrl}?sslmode=verify-full`,
        REGISTRY_URL: registryUrl.href,
      };
      const text = stringify({
        mode: "production",
        source: { url: "env:MONOLITH_URL" },
        kafka: { brokers: servers.kafka, topicPrefix: pipeline.configuration.kafka.topicPrefix, tls: { ca: `file:${file("certificate.pem")}` } },
        registry: { url: "env:REGISTRY_URL" },
        control: { url: "env:CONTROL_URL" },
        connectors: { [pipeline.connector.name]: { publication: pipeline.connector.publication, slot: pipeline.connector.slot, service: "trading" } },
        services: { trading: { target: { url: "env:TRADING_URL" }, tables: ["*"] } },
      });
      await writeFile(pipeline.file, text);
      const configuration = { ...parseConfiguration(text, pipeline.file, environment), registry: { url: new Secret(servers.registry) } };
      const cluster = new KafkaCluster(configuration.kafka, "offtake-test");
      const { topic } = pipeline.service;
      return {
        ...pipeline,
        configuration,
        environment,
        cluster,
        async leader() {
          const { port } = await cluster.leader(topic);
          return stack.kafka.nodes.find(({ broker }) => broker.endsWith(`:${port}`))!;
        },
        minInSyncReplicas: async () => (await readTopicSettings(cluster, topic)).minInSyncReplicas,
        async [Symbol.asyncDispose]() {
          await cluster.close();
          await pipeline[Symbol.asyncDispose]();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await stack.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}
