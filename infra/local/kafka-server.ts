/**
 * The Kafka of the local stack: one node, broker and controller in one process.
 *
 * It runs with the broker's own limits where the product sets a topic's: message.max.bytes is Kafka's default of 1 MiB, so that a product that
 * forgets max.message.bytes on its topics fails here and not in production. A topic's setting wins over the broker's; above both only
 * socket.request.max.bytes (100 MiB by default) bounds a produce request. The fetch limits stop no record: the first batch always comes whole.
 *
 * Source: Kafka documentation, "Broker Configs", "KRaft".
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import { freePort } from "./free-port.ts";
import type { Jars } from "./jars.ts";
import type { Java } from "./java.ts";
import { type JvmMode, jvmArguments } from "./java-server.ts";
import { kafkaAnswers } from "./kafka-answers.ts";
import { LocalServer } from "./local-server.ts";

export interface KafkaServer {
  /** host:port of each broker. */
  readonly brokers: string[];
  /** Starts it again on the same data and port. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface KafkaOptions {
  stackFolder: string;
  java: Java;
  jars: Jars;
  /** Default: a free one. */
  port?: number | undefined;
  mode: JvmMode;
  /** server.properties', over those of the stack. */
  settings?: Record<string, string> | undefined;
}

/** Formats its storage and starts it. Listens on 127.0.0.1 only. */
export async function startKafka(options: KafkaOptions): Promise<KafkaServer> {
  const { stackFolder, java, jars, mode } = options;
  const port = options.port ?? (await freePort());
  const folder = join(stackFolder, "kafka");
  await mkdir(join(folder, "tmp"), { recursive: true });
  const settingsFile = join(folder, "server.properties");
  const loggingFile = join(folder, "log4j2.properties");
  await writeFile(settingsFile, propertiesText({ ...stackSettings(port, await freePort(), join(folder, "data")), ...options.settings }));
  await writeFile(loggingFile, propertiesText(logging));

  const jvm = [...jvmArguments({ stackFolder, folder, heapMb: 768, mode }), `-Dlog4j.configurationFile=${loggingFile}`, "-cp", join(jars.kafka, "*")];
  await formatStorage(java, jvm, settingsFile);
  const server = new LocalServer({
    name: "kafka",
    command: java.command,
    args: [...jvm, "kafka.Kafka", settingsFile],
    workingFolder: folder,
    logFile: join(stackFolder, "kafka.log"),
    answers: () => kafkaAnswers(`127.0.0.1:${port}`),
    startLimitMs: 90_000,
  });
  await server.start();
  return {
    brokers: [`127.0.0.1:${port}`],
    start: () => server.start(),
    stop: () => server.stop("SIGTERM", 30_000),
    kill: () => server.kill(),
  };
}

async function formatStorage(java: Java, jvm: string[], settingsFile: string): Promise<void> {
  // 16 bytes; one that begins with a hyphen would be read as an option.
  const clusterId = randomBytes(16).toString("base64url").replace(/^-/, "0");
  const args = [...jvm, "kafka.tools.StorageTool", "format", "--standalone", "--ignore-formatted", "-t", clusterId, "-c", settingsFile];
  try {
    await promisify(execFile)(java.command, args, { timeout: 120_000 });
  } catch (cause) {
    throw new OfftakeError("STACK_SERVER_FAILED", `Kafka's storage could not be formatted: ${messageOf(cause)}`, { cause });
  }
}

function stackSettings(port: number, controllerPort: number, dataFolder: string): Record<string, string> {
  return {
    "process.roles": "broker,controller",
    "node.id": "1",
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.bootstrap.servers": `127.0.0.1:${controllerPort}`,
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "log.dirs": dataFolder,
    "num.partitions": "1",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    // A broker that was killed is let in again only after the session of its former self has run out: 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    // A stack that is kept running must not lose the tail that a connector starts from.
    "log.retention.hours": "-1",
  };
}

/** Only what goes wrong: at `info` Kafka writes 2000 lines of settings at each start, and the end of its log says nothing. */
const logging: Record<string, string> = {
  status: "warn",
  "appender.out.type": "Console",
  "appender.out.name": "out",
  "appender.out.layout.type": "PatternLayout",
  "appender.out.layout.pattern": "%d %p %c{1}: %m%n",
  "rootLogger.level": "warn",
  "rootLogger.appenderRef.out.ref": "out",
};

function propertiesText(settings: Record<string, string>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value.replaceAll("\\", "\\\\")}\n`)
    .join("");
}
