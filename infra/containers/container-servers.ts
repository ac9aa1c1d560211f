/**
 * The servers of a stack as containers: the backend for machines with a container engine and without Java or Maven.
 *
 * When one of them does not start the others are removed. When this process ends without removing them, testcontainers' own container does.
 */
import { randomBytes } from "node:crypto";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { freePort } from "../local/free-port.ts";
import { kafkaAnswers } from "../local/kafka-answers.ts";
import { type KafkaServer, newClusterId } from "../local/kafka-server.ts";
import { createDatabase, dropDatabase, postgresAnswers, type PostgresServer } from "../local/postgres-server.ts";
import { registryAnswers, type RegistryServer } from "../local/registry-server.ts";
import type { ServerName, StackOptions } from "../local/stack.ts";
import { type ContainerEngine, containerEngine, type ContainerServer } from "./container-engine.ts";
import { type ContainerPlan, kafkaPlan, postgresPlan, registryPlan } from "./container-plan.ts";

export interface ContainerServers {
  source: PostgresServer | undefined;
  target: PostgresServer | undefined;
  kafka: KafkaServer | undefined;
  registry: RegistryServer | undefined;
  stop(): Promise<void>;
}

/** @throws OfftakeError STACK_ENGINE_MISSING, STACK_SERVER_FAILED; NOT_IN_THIS_VERSION for three brokers */
export async function startContainers(options: StackOptions, wanted: readonly ServerName[]): Promise<ContainerServers> {
  if (options.brokers === 3)
    throw new OfftakeError("NOT_IN_THIS_VERSION", "The containers backend has one Kafka broker.", { cure: "Use the local backend for three." });
  const engine = await containerEngine();
  const running: ContainerServer[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(running.splice(0).map(async (each) => each.remove())));
  const run = async (name: ServerName, port: number, plan: ContainerPlan, answers: () => Promise<void>): Promise<ContainerServer> => {
    const began = performance.now();
    options.progress(`${name}: starting ${plan.image}`);
    const server = await engine.run(name, plan, port, answers);
    running.push(server);
    options.signal?.throwIfAborted();
    options.progress(`${name} answers after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return server;
  };
  const ifWanted = async <Server>(name: ServerName, start: () => Promise<Server>): Promise<Server | undefined> =>
    wanted.includes(name) ? start() : undefined;
  const starting = [
    ifWanted("source", async () => startPostgres("source", options, engine, run)),
    ifWanted("target", async () => startPostgres("target", options, engine, run)),
    ifWanted("kafka", async () => startKafka(options, engine, run)),
    ifWanted("registry", async () => startRegistry(options, engine, run)),
  ] as const;
  try {
    const [source, target, kafka, registry] = await Promise.all(starting);
    return { source, target, kafka, registry, stop };
  } catch (error) {
    await Promise.allSettled(starting);
    await stop();
    throw error;
  }
}

type Run = (name: ServerName, port: number, plan: ContainerPlan, answers: () => Promise<void>) => Promise<ContainerServer>;

async function startPostgres(name: "source" | "target", options: StackOptions, { host }: ContainerEngine, run: Run): Promise<PostgresServer> {
  const port = options.ports?.[name] ?? (await freePort());
  const password = randomBytes(12).toString("base64url");
  const plan = postgresPlan({ major: options.postgres?.[name], password, fsync: options.fsync ?? false, settings: options.settings?.[name] });
  const url = (database = "postgres"): string => `postgres://postgres:${password}@${host}:${port}/${encodeURIComponent(database)}`;
  const server = await run(name, port, plan, async () => postgresAnswers(url()));
  return {
    port,
    get dataFolder(): string {
      throw insideContainer(`The data folder of ${name}`);
    },
    get pid(): number {
      throw insideContainer(`The process of ${name}`);
    },
    url,
    createDatabase: async (database) => createDatabase(url(), database),
    dropDatabase: async (database) => dropDatabase(url(), database),
    start: async () => server.start(),
    stop: async (mode) => server.stop(mode === "fast" ? "SIGINT" : "SIGQUIT"),
    kill: async () => server.kill(),
  };
}

async function startKafka(options: StackOptions, { host }: ContainerEngine, run: Run): Promise<KafkaServer> {
  const port = options.ports?.kafka ?? (await freePort());
  const broker = `${host}:${port}`;
  const plan = kafkaPlan({ clusterId: newClusterId(), address: broker, settings: options.settings?.kafka });
  const server = await run("kafka", port, plan, async () => kafkaAnswers(broker));
  const controls = { start: async () => server.start(), stop: async () => server.stop("SIGTERM"), kill: async () => server.kill() };
  return { brokers: [broker], nodes: [{ id: 1, broker, ...controls }], ...controls };
}

async function startRegistry(options: StackOptions, { host }: ContainerEngine, run: Run): Promise<RegistryServer> {
  const port = options.ports?.registry ?? (await freePort());
  const url = `http://${host}:${port}/apis/ccompat/v7`;
  const server = await run("registry", port, registryPlan(options.settings?.registry), async () => registryAnswers(url));
  return { url, start: async () => server.start(), stop: async () => server.stop("SIGTERM"), kill: async () => server.kill() };
}

function insideContainer(what: string): OfftakeError {
  return new OfftakeError("USAGE", `${what} is inside its container.`, { cure: "Use the local backend for this." });
}
