/**
 * Servers that speak to nobody but in TLS, under certificates of an authority of one's own that are made out to `localhost`: whoever forgets TLS is refused, whoever
 * does not ask who signed, or for whom, is found out by the tests that give it the wrong authority or call the servers 127.0.0.1.
 *
 * Only what the tests themselves ask as the superuser postgres goes without TLS, and what the local stack asks of Kafka and of the registry to see whether they are up.
 */
import { pbkdf2Sync, randomBytes } from "node:crypto";
import { chmod, chown, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  AclOperations,
  type AclOperationValue,
  AclPermissionTypes,
  alterUserScramCredentialsV0,
  ResourcePatternTypes,
  ResourceTypes,
} from "@platformatic/kafka";
import { stringify } from "yaml";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { freePort } from "../../infra/local/free-port.ts";
import { type Stack, startStack } from "../../infra/local/stack.ts";
import { unprivilegedUser } from "../../infra/local/unprivileged-user.ts";
import { parseConfiguration, type Configuration } from "../../services/runtime/configuration.ts";
import { asSuperuser } from "../services/cli/as-superuser.ts";
import { createAuthority } from "../support/certificate.ts";
import { createPipeline, type Pipeline } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { kafkaConfiguration } from "../support/topics.ts";

/** The role of PostgreSQL and the user of Kafka that Offtake is. Nobody logs in as it but in TLS. */
export const user = "offtake";

/** What offtake.yaml says of the way to the servers. */
export interface Access {
  /** By which the servers are called; their certificates are made out to localhost. */
  readonly host: "localhost" | "127.0.0.1";
  /** The file of the authority that PostgreSQL's and Kafka's clients trust; undefined for no TLS. */
  readonly trusted: string | undefined;
  readonly databasePassword: string;
  /** Undefined for Kafka's listener without a login. */
  readonly kafkaPassword: string | undefined;
  readonly mechanism: "scram-sha-256" | "scram-sha-512";
  /** Of the registry: https goes to its port for TLS. */
  readonly registry: "http" | "https";
}

export interface SecuredPipeline extends Pipeline {
  /** offtake.yaml with other access: written to the pipeline's file, and as it is understood. */
  secured(access?: Partial<Access>): Promise<Configuration>;
}

export interface SecuredStack extends AsyncDisposable {
  readonly stack: Stack;
  /** Files of the authority that signed for the servers, and of one that did not. */
  readonly authority: string;
  readonly stranger: string;
  readonly passwords: { readonly database: string; readonly kafka: string };
  createPipeline(schemaSql: string, tables?: Readonly<Record<string, unknown>>): Promise<SecuredPipeline>;
  /** At source and target. */
  setDatabasePassword(password: string): Promise<void>;
  setKafkaPassword(password: string): Promise<void>;
  /** What the server has logged so far: each connection, and how it was made. */
  logOf(server: "source" | "target"): Promise<string>;
}

export async function startSecuredStack(): Promise<SecuredStack> {
  const folder = await temporaryFolder();
  const file = (name: string): string => join(folder.path, name);
  const authority = createAuthority("Offtake test authority");
  const { certificate, key } = authority.issue(["localhost"]);
  await writeFile(file("authority.pem"), authority.certificate);
  await writeFile(file("stranger.pem"), createAuthority("Another authority").certificate);
  await writeFile(file("certificate.pem"), certificate);
  await chmod(file("certificate.pem"), 0o644);
  for (const [name, text] of [
    ["key.pem", key],
    ["both.pem", `${key}${certificate}`],
    ["postgresql-key.pem", key],
  ] as const)
    await writeFile(file(name), text, { mode: 0o600 });
  const server = unprivilegedUser();
  if (server !== undefined) await chown(file("postgresql-key.pem"), server.uid, server.gid);
  const [plain, controller, tls, scram, https] = [await freePort(), await freePort(), await freePort(), await freePort(), await freePort()];
  const postgresql = { ssl: "on", ssl_cert_file: file("certificate.pem"), ssl_key_file: file("postgresql-key.pem"), log_connections: "on" };
  const stack = await startStack({
    backend: "local",
    progress: (line) => void process.stderr.write(`stack: ${line}\n`),
    ports: { kafka: plain },
    settings: {
      source: postgresql,
      target: postgresql,
      kafka: {
        listeners: `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller},TLS://127.0.0.1:${tls},SCRAM://127.0.0.1:${scram}`,
        "advertised.listeners": `PLAINTEXT://127.0.0.1:${plain},TLS://localhost:${tls},SCRAM://localhost:${scram}`,
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,TLS:SSL,SCRAM:SASL_SSL",
        "controller.quorum.voters": `1@127.0.0.1:${controller}`,
        // Everybody without a login is the tests themselves; who has one may do what docs/security.md gives it.
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.scram.scram-sha-256.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "listener.name.scram.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": file("both.pem"),
        // Kafka tries a handshake with itself before it starts.
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": file("authority.pem"),
      },
      registry: {
        "quarkus.http.ssl-port": String(https),
        "quarkus.http.ssl.certificate.files": file("certificate.pem"),
        "quarkus.http.ssl.certificate.key-files": file("key.pem"),
      },
    },
  });
  const passwords = { database: randomBytes(12).toString("base64url"), kafka: randomBytes(12).toString("base64url") };
  const servers = [stack.source, stack.target];
  for (const each of servers) {
    const lines = ["host all postgres 127.0.0.1/32 scram-sha-256", "hostssl all all 127.0.0.1/32 scram-sha-256"];
    await writeFile(join(each.dataFolder, "pg_hba.conf"), `${lines.join("\n")}\n`);
    await asSuperuser(each.url(), `SELECT pg_reload_conf(); CREATE ROLE ${user} LOGIN SUPERUSER REPLICATION PASSWORD '${passwords.database}'`);
  }
  const setKafkaPassword = async (password: string): Promise<void> => setScramPassword(stack.kafka.brokers, password);
  await setKafkaPassword(passwords.kafka);
  const usual: Access = {
    host: "localhost",
    trusted: file("authority.pem"),
    databasePassword: passwords.database,
    kafkaPassword: passwords.kafka,
    mechanism: "scram-sha-512",
    registry: "https",
  };
  return {
    stack,
    authority: file("authority.pem"),
    stranger: file("stranger.pem"),
    passwords,
    setKafkaPassword,
    setDatabasePassword: async (password) => {
      for (const each of servers) await asSuperuser(each.url(), `ALTER ROLE ${user} PASSWORD '${password}'`);
    },
    logOf: async (name) => readFile(join(stack[name].dataFolder, "..", "..", `${name}.log`), "utf8"),
    async createPipeline(schemaSql, tables = {}) {
      const plainly = { source: stack.source.url(), target: stack.target.url(), kafka: stack.kafka.brokers, registry: stack.registry.url };
      const pipeline = await createPipeline(schemaSql, { servers: plainly });
      const { connector } = pipeline;
      await allow(stack.kafka.brokers, `${pipeline.configuration.kafka.topicPrefix}.`);
      const secured = async (changed: Partial<Access> = {}): Promise<Configuration> => {
        const access = { ...usual, ...changed };
        const database = (superuser: string): string => databaseUrl(superuser, access);
        const text = stringify({
          mode: "development",
          source: { url: database(pipeline.sourceUrl) },
          kafka: {
            brokers: [`${access.host}:${access.kafkaPassword === undefined ? tls : scram}`],
            topicPrefix: pipeline.configuration.kafka.topicPrefix,
            ...(access.trusted === undefined ? {} : { tls: { ca: `file:${access.trusted}` } }),
            ...(access.kafkaPassword === undefined ? {} : { sasl: { mechanism: access.mechanism, username: user, password: access.kafkaPassword } }),
          },
          registry: { url: registryUrl(stack.registry.url, access, https) },
          control: { url: database(pipeline.controlUrl) },
          connectors: { [connector.name]: { publication: connector.publication, slot: connector.slot, service: "trading" } },
          services: { trading: { target: { url: database(pipeline.targetUrl) }, tables: Object.keys(tables).length === 0 ? ["*"] : tables } },
        });
        await writeFile(pipeline.file, text);
        return parseConfiguration(text, pipeline.file, {});
      };
      return { ...pipeline, secured };
    },
    async [Symbol.asyncDispose]() {
      await stack.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function databaseUrl(superuser: string, { host, trusted, databasePassword }: Access): string {
  const url = new URL(superuser);
  [url.hostname, url.username, url.password] = [host, user, databasePassword];
  if (trusted === undefined) return url.href;
  url.searchParams.set("sslmode", "verify-full");
  url.searchParams.set("sslrootcert", trusted);
  return url.href;
}

function registryUrl(plain: string, { host, registry }: Access, https: number): string {
  if (registry === "http") return plain;
  const url = new URL(plain);
  [url.protocol, url.hostname, url.port] = ["https:", host, String(https)];
  return url.href;
}

/** What the commands of docs/security.md do, which take two seconds each. @param prefix of this pipeline's topics */
async function allow(brokers: readonly string[], prefix: string): Promise<void> {
  const page = await readFile(new URL("../../docs/security.md", import.meta.url), "utf8");
  const commands = /^```sh kafka\n(.*?)^```/ms.exec(page)?.[1]?.trimEnd().split("\n") ?? [];
  const creations = commands.flatMap((command) => {
    const [, kind = "", named = ""] = /--(topic|group|transactional-id) (\S+)/.exec(command) ?? [];
    const resourceType = { topic: ResourceTypes.TOPIC, group: ResourceTypes.GROUP, "transactional-id": ResourceTypes.TRANSACTIONAL_ID }[kind];
    if (resourceType === undefined) throw new Error(`what is this command for: ${command}`);
    return [...command.matchAll(/--operation (\w+)/g)].map(([, name = ""]) => ({
      resourceType,
      resourceName: kind === "topic" ? prefix : named,
      resourcePatternType: ResourcePatternTypes.PREFIXED,
      principal: `User:${user}`,
      host: "*",
      operation: operations[name] ?? AclOperations.UNKNOWN,
      permissionType: AclPermissionTypes.ALLOW,
    }));
  });
  const cluster = new KafkaCluster(kafkaConfiguration(brokers), "offtake-test");
  try {
    await cluster.admin.createAcls({ creations });
  } finally {
    await cluster.close();
  }
}

/** As kafka-acls names them. */
const operations: Readonly<Record<string, AclOperationValue>> = {
  Create: AclOperations.CREATE,
  Describe: AclOperations.DESCRIBE,
  DescribeConfigs: AclOperations.DESCRIBE_CONFIGS,
  AlterConfigs: AclOperations.ALTER_CONFIGS,
  Read: AclOperations.READ,
  Write: AclOperations.WRITE,
};

/** As kafka-configs does it, which takes two seconds. Source: RFC 5802, SaltedPassword; KIP-554. */
async function setScramPassword(brokers: readonly string[], password: string): Promise<void> {
  const cluster = new KafkaCluster(kafkaConfiguration(brokers), "offtake-test");
  try {
    const [connection] = (await cluster.admin.connectToBrokers()).values();
    if (connection === undefined) throw new Error("no broker to set a password at");
    const iterations = 4096;
    const salt = randomBytes(16);
    const hashes = [
      [1, 32, "sha256"],
      [2, 64, "sha512"],
    ] as const;
    // A request may name a user once.
    for (const [mechanism, size, hash] of hashes) {
      const saltedPassword = pbkdf2Sync(password, salt, iterations, size, hash);
      await alterUserScramCredentialsV0.api.async(connection, [], [{ name: user, mechanism, iterations, salt, saltedPassword }]);
    }
  } finally {
    await cluster.close();
  }
}
