/**
 * The servers that the demo, the tests and `offtake stack` run on: a source PostgreSQL, a target PostgreSQL, Kafka, a schema registry.
 *
 * What a stack starts ends with it: by stop(), by the end of the process that started it however that came about (keeper.ts), at the latest at
 * the next start on this machine (stack-folder.ts). A stack whose start fails ends what it had started before it says why.
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import { externalServers } from "./external-servers.ts";
import type { JvmMode } from "./java-server.ts";
import type { KafkaServer } from "./kafka-server.ts";
import { startKeeper } from "./keeper.ts";
import { startServers } from "./local-servers.ts";
import type { PostgresServer } from "./postgres-server.ts";
import type { RegistryServer } from "./registry-server.ts";
import type { PostgresMajor } from "./postgres-versions.ts";
import { createStackFolder, endAbandonedStacks } from "./stack-folder.ts";
import { endStack } from "./stack-processes.ts";

/** local: child processes. containers: where a Docker engine answers. external: servers named by environment variables. */
export type Backend = "local" | "containers" | "external";

export const serverNames = ["source", "target", "kafka", "registry"] as const;

export type ServerName = (typeof serverNames)[number];

export interface StackOptions {
  backend: Backend;
  /** Gets a line for everything that takes a moment. */
  progress: (line: string) => void;
  /** Default: all of them. */
  servers?: readonly ServerName[] | undefined;
  /** Major versions, for the local backend. Default: the newest. */
  postgres?: { source?: PostgresMajor | undefined; target?: PostgresMajor | undefined } | undefined;
  /** Whether PostgreSQL's commits reach the disk, as benches need it. Default: no. */
  fsync?: boolean | undefined;
  /** Of Kafka; `ports.kafka` is the first one's. Default: 1. */
  brokers?: 1 | 3 | undefined;
  /** Default: quick. */
  kafkaJvm?: JvmMode | undefined;
  /** Over those of the stack, per server: postgresql.conf's, server.properties', Apicurio's. */
  settings?: Partial<Record<ServerName, Record<string, string>>> | undefined;
  /** Default: free ones. */
  ports?: Partial<Record<ServerName, number>> | undefined;
  /** Ends a start that is under way, downloads too; it then fails. A stack that has started is not touched. */
  signal?: AbortSignal | undefined;
}

/** A server that was not asked for throws when it is read. */
export interface Stack extends AsyncDisposable {
  readonly source: PostgresServer;
  readonly target: PostgresServer;
  readonly kafka: KafkaServer;
  readonly registry: RegistryServer;
  /** Stops the servers and removes their data; does nothing to external ones. */
  stop(): Promise<void>;
}

/** A stack whose servers can be left running when this process ends. */
export interface LocalStack extends Stack {
  readonly folder: string;
  /** From now on the stack runs until somebody ends it by its folder. */
  release(): Promise<void>;
}

/** Starts the servers, all at once, and waits until each of them answers. */
export async function startStack(options: StackOptions): Promise<Stack> {
  switch (options.backend) {
    case "local":
      return startLocalStack(options);
    case "external": {
      const servers = await externalServers(options.servers ?? serverNames);
      return stackOf(servers, () => Promise.resolve());
    }
    case "containers": {
      // Loaded only where it is asked for: it brings much with it.
      const { startContainers } = await import("../containers/container-servers.ts");
      const servers = await startContainers(options, options.servers ?? serverNames);
      return stackOf(servers, async () => servers.stop());
    }
  }
}

export async function startLocalStack(options: Omit<StackOptions, "backend">): Promise<LocalStack> {
  if (process.platform === "win32") {
    throw new OfftakeError("NOT_IN_THIS_VERSION", "The local backend needs Linux or macOS.", { cure: "On Windows, run it in WSL." });
  }
  await endAbandonedStacks(options.progress);
  const folder = await createStackFolder();
  const keeper = startKeeper(folder);
  const stop = async (): Promise<void> => {
    await endStack(folder);
    await keeper.dismiss();
  };
  const starting = startServers({ ...options, stackFolder: folder, wanted: options.servers ?? serverNames });
  // Then those that are still starting fail, and the rest follows below.
  const interrupt = (): void => void endStack(folder).catch(() => undefined);
  options.signal?.addEventListener("abort", interrupt);
  try {
    const [source, target, kafka, registry] = await Promise.all(starting);
    return Object.assign(stackOf({ source, target, kafka, registry }, stop), { folder, release: () => keeper.release() });
  } catch (error) {
    // Without their folder, those that are still starting fail; what they have managed to start by then is ended with the rest.
    await endStack(folder);
    await Promise.allSettled(starting);
    await stop();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", interrupt);
  }
}

type StartedServers = { [Name in ServerName]: Stack[Name] | undefined };

function stackOf(servers: StartedServers, stop: () => Promise<void>): Stack {
  return {
    get source() {
      return started("source", servers.source);
    },
    get target() {
      return started("target", servers.target);
    },
    get kafka() {
      return started("kafka", servers.kafka);
    },
    get registry() {
      return started("registry", servers.registry);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function started<T>(name: ServerName, server: T | undefined): T {
  if (server === undefined) throw new OfftakeError("USAGE", `The stack was started without ${name}.`, { cure: "Name it in `servers`." });
  return server;
}
