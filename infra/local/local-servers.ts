/**
 * Starts the servers of a local stack side by side: on two cores four starts at once take hardly longer than the slowest.
 */
import { fetchedJars, fetchJars, type Jars } from "./jars.ts";
import { javaAndMaven } from "./java-and-maven.ts";
import type { Java } from "./java.ts";
import { type KafkaServer, startKafka } from "./kafka-server.ts";
import { type PostgresServer, startPostgres } from "./postgres-server.ts";
import { type RegistryServer, startRegistry } from "./registry-server.ts";
import type { ServerName, StackOptions } from "./stack.ts";

type Starting<Server> = Promise<Server | undefined>;

export interface Start extends Omit<StackOptions, "backend" | "servers"> {
  stackFolder: string;
  wanted: readonly ServerName[];
}

/** One promise for each server, of undefined where it is not wanted. When one fails, the caller ends the others. */
export function startServers(
  start: Start,
): [source: Starting<PostgresServer>, target: Starting<PostgresServer>, kafka: Starting<KafkaServer>, registry: Starting<RegistryServer>] {
  const { stackFolder, settings, ports, progress } = start;
  let java: Promise<{ java: Java; jars: Jars }> | undefined;
  const withJava = (): Promise<{ java: Java; jars: Jars }> => (java ??= javaWithJars(start));
  const postgres = (name: "source" | "target"): Starting<PostgresServer> =>
    timed(start, name, () =>
      startPostgres({
        stackFolder,
        name,
        major: start.postgres?.[name],
        fsync: start.fsync ?? false,
        port: ports?.[name],
        settings: settings?.[name],
        progress,
      }),
    );
  return [
    postgres("source"),
    postgres("target"),
    timed(start, "kafka", async () =>
      startKafka({
        stackFolder,
        ...(await withJava()),
        mode: start.kafkaJvm ?? "quick",
        brokers: start.brokers ?? 1,
        port: ports?.kafka,
        settings: settings?.kafka,
      }),
    ),
    timed(start, "registry", async () => startRegistry({ stackFolder, ...(await withJava()), port: ports?.registry, settings: settings?.registry })),
  ];
}

async function javaWithJars(start: Start): Promise<{ java: Java; jars: Jars }> {
  const { java, maven } = javaAndMaven();
  return { java, jars: fetchedJars() ?? (await fetchJars({ maven, java, stackFolder: start.stackFolder, progress: start.progress })) };
}

const titles: Record<ServerName, string> = {
  source: "source (PostgreSQL)",
  target: "target (PostgreSQL)",
  kafka: "Kafka",
  registry: "schema registry (Apicurio)",
};

async function timed<Server>(start: Start, name: ServerName, run: () => Promise<Server>): Starting<Server> {
  if (!start.wanted.includes(name)) return undefined;
  const began = performance.now();
  const server = await run();
  start.progress(`${titles[name]} answers after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return server;
}
