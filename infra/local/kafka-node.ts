/**
 * One node of the local stack's Kafka: broker and controller in one process, with a folder, a log and ports of its own.
 *
 * Source: Kafka documentation, "Broker Configs", "KRaft".
 */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import type { Jars } from "./jars.ts";
import type { Java } from "./java.ts";
import { type JvmMode, jvmArguments, logging, propertiesText } from "./java-server.ts";
import { kafkaAnswers } from "./kafka-answers.ts";
import { LocalServer } from "./local-server.ts";

export interface KafkaNode {
  /** node.id: from 1 on. */
  readonly id: number;
  /** host:port. */
  readonly broker: string;
  /** Starts it again on the same data and port. */
  start(): Promise<void>;
  /** It hands its partitions to the others first. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface KafkaNodeOptions {
  stackFolder: string;
  java: Java;
  jars: Jars;
  mode: JvmMode;
  heapMb: number;
  id: number;
  clusterId: string;
  port: number;
  controllerPort: number;
  /** server.properties' besides addresses and folders. */
  settings: Record<string, string>;
}

/** Formats its storage; it has still to be started. Listens on 127.0.0.1 only. */
export async function createKafkaNode(options: KafkaNodeOptions): Promise<KafkaNode> {
  const { stackFolder, java, jars, mode, heapMb, id, port, controllerPort } = options;
  const name = id === 1 ? "kafka" : `kafka-${id}`;
  const folder = join(stackFolder, name);
  const settings = {
    "node.id": String(id),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "log.dirs": join(folder, "data"),
    ...options.settings,
  };
  await mkdir(join(folder, "tmp"), { recursive: true });
  const settingsFile = join(folder, "server.properties");
  const loggingFile = join(folder, "log4j2.properties");
  await writeFile(settingsFile, propertiesText(settings));
  await writeFile(loggingFile, propertiesText(logging));
  const jvm = [...jvmArguments({ stackFolder, folder, heapMb, mode }), `-Dlog4j.configurationFile=${loggingFile}`, "-cp", join(jars.kafka, "*")];
  await formatStorage(java, jvm, ["-t", options.clusterId, "-c", settingsFile]);
  const server = new LocalServer({
    name,
    command: java.command,
    args: [...jvm, "kafka.Kafka", settingsFile],
    workingFolder: folder,
    logFile: join(stackFolder, `${name}.log`),
    answers: () => kafkaAnswers(`127.0.0.1:${port}`, { encrypted: isEncrypted(settings) }),
    startLimitMs: 90_000,
  });
  return { id, broker: `127.0.0.1:${port}`, start: () => server.start(), stop: () => server.stop("SIGTERM", 30_000), kill: () => server.kill() };
}

/** Whether clients are spoken to in TLS, which a caller may have set. */
export function isEncrypted(settings: Readonly<Record<string, string>>): boolean {
  return settings["listener.security.protocol.map"]?.includes("PLAINTEXT:SSL") === true;
}

async function formatStorage(java: Java, jvm: string[], which: string[]): Promise<void> {
  try {
    await promisify(execFile)(java.command, [...jvm, "kafka.tools.StorageTool", "format", "--ignore-formatted", ...which], { timeout: 120_000 });
  } catch (cause) {
    throw new OfftakeError("STACK_SERVER_FAILED", `Kafka's storage could not be formatted: ${messageOf(cause)}`, { cause });
  }
}
