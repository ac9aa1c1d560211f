/**
 * The Kafka of the local stack: one node, or three, each broker and controller in one process.
 *
 * With one, nothing that a cluster does is seen: no leader ever moves, and min.insync.replicas refuses nothing.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import { freePort } from "./free-port.ts";
import type { Jars } from "./jars.ts";
import type { Java } from "./java.ts";
import type { JvmMode } from "./java-server.ts";
import { kafkaAnswers } from "./kafka-answers.ts";
import { createKafkaNode, isEncrypted, type KafkaNode } from "./kafka-node.ts";
import { kafkaSettings } from "./server-settings.ts";

export interface KafkaServer {
  /** host:port of each broker. */
  readonly brokers: string[];
  /** Each of them by itself, where it is ours. @throws for an external server */
  readonly nodes: readonly KafkaNode[];
  /** Starts all of them again on the same data and ports. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface KafkaOptions {
  stackFolder: string;
  java: Java;
  jars: Jars;
  /** How many. */
  brokers: 1 | 3;
  /** The first one's; default: a free one. */
  port?: number | undefined;
  mode: JvmMode;
  /** server.properties', over those of the stack. */
  settings?: Record<string, string> | undefined;
}

/** Formats their storage and starts them. */
export async function startKafka(options: KafkaOptions): Promise<KafkaServer> {
  const { port, brokers, settings, ...common } = options;
  const clusterId = newClusterId();
  const ports = await Promise.all(Array.from({ length: brokers }, async (_, i) => (i === 0 ? port : undefined) ?? freePort()));
  const controllerPorts = await Promise.all(ports.map(async () => freePort()));
  const all = {
    ...kafkaSettings(brokers),
    "controller.quorum.voters": controllerPorts.map((each, i) => `${i + 1}@127.0.0.1:${each}`).join(),
    ...settings,
  };
  const nodes = await Promise.all(
    ports.map(async (each, i) =>
      createKafkaNode({
        ...common,
        heapMb: brokers === 1 ? 768 : 256,
        id: i + 1,
        clusterId,
        port: each,
        controllerPort: controllerPorts[i]!,
        settings: all,
      }),
    ),
  );
  const start = async (): Promise<void> => {
    await Promise.all(nodes.map(async (node) => node.start()));
    await Promise.all(nodes.map(async ({ broker }) => untilItKnows(broker, brokers, isEncrypted(all))));
  };
  await start();
  return {
    brokers: nodes.map(({ broker }) => broker),
    nodes,
    start,
    stop: async () => void (await Promise.all(nodes.map(async (node) => node.stop()))),
    kill: async () => void (await Promise.all(nodes.map(async (node) => node.kill()))),
  };
}

/** 16 bytes in base64url; one that begins with a hyphen would be read as an option. */
export function newClusterId(): string {
  return randomBytes(16).toString("base64url").replace(/^-/, "0");
}

/** A broker answers as soon as it knows of one: a topic with three replicas is refused until all three have joined. */
async function untilItKnows(broker: string, brokers: number, encrypted: boolean): Promise<void> {
  for (const limit = Date.now() + 60_000; ; await pause(20)) {
    try {
      await kafkaAnswers(broker, { encrypted, brokers });
      return;
    } catch (cause) {
      if (Date.now() > limit)
        throw new OfftakeError("STACK_SERVER_FAILED", `Kafka's brokers did not find each other: ${messageOf(cause)}.`, { cause });
    }
  }
}
