/**
 * The servers that the demo, the tests and `offtake stack` run on: a source PostgreSQL, a target PostgreSQL.
 *
 * What a stack starts ends with it: by stop(), by the end of the process that started it however that came about (keeper.ts), at the latest at
 * the next start on this machine (stack-folder.ts). A stack whose start fails ends what it had started before it says why.
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import { startKeeper } from "./keeper.ts";
import { type PostgresOptions, type PostgresServer, startPostgres } from "./postgres-server.ts";
import { createStackFolder, endAbandonedStacks } from "./stack-folder.ts";
import { endStack } from "./stack-processes.ts";

/** local: child processes. containers: where a Docker engine answers. external: servers named by environment variables. */
export type Backend = "local" | "containers" | "external";

export type ServerName = "source" | "target";

export interface StackOptions {
  backend: Backend;
  /** Gets a line for everything that takes a moment. */
  progress: (line: string) => void;
  /** Default: all of them. */
  servers?: readonly ServerName[];
  /** Whether commits reach the disk, as benches need it. Default: no. */
  fsync?: boolean;
  /** postgresql.conf's. */
  sourceSettings?: Record<string, string>;
  targetSettings?: Record<string, string>;
}

/** A server that was not asked for throws when it is read. */
export interface Stack extends AsyncDisposable {
  readonly source: PostgresServer;
  readonly target: PostgresServer;
  /** Stops the servers and removes their data. */
  stop(): Promise<void>;
}

/** Starts the servers, all at once, and waits until each of them answers. */
export async function startStack(options: StackOptions): Promise<Stack> {
  if (options.backend === "local") return startLocalStack(options);
  throw new OfftakeError("NOT_IN_THIS_VERSION", `The ${options.backend} backend is not in this version.`, { cure: "Use the local one." });
}

async function startLocalStack(options: StackOptions): Promise<Stack> {
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
  const starting = startServers(folder, options);
  try {
    const [source, target] = await Promise.all(starting);
    return stackOf(source, target, stop);
  } catch (error) {
    // Without their folder, those that are still starting fail; what they have managed to start by then is ended with the rest.
    await endStack(folder);
    await Promise.allSettled(starting);
    await stop();
    throw error;
  }
}

type Starting<Server> = Promise<Server | undefined>;

function startServers(stackFolder: string, options: StackOptions): [source: Starting<PostgresServer>, target: Starting<PostgresServer>] {
  const wanted = options.servers ?? ["source", "target"];
  const fsync = options.fsync ?? false;
  const postgres = async (name: PostgresOptions["name"], settings?: Record<string, string>): Starting<PostgresServer> => {
    if (!wanted.includes(name)) return undefined;
    const began = Date.now();
    const server = await startPostgres({ stackFolder, name, fsync, settings });
    options.progress(`${name}: PostgreSQL answers on port ${server.port} after ${((Date.now() - began) / 1000).toFixed(1)} s`);
    return server;
  };
  return [postgres("source", options.sourceSettings), postgres("target", options.targetSettings)];
}

function stackOf(source: PostgresServer | undefined, target: PostgresServer | undefined, stop: () => Promise<void>): Stack {
  return {
    get source() {
      return started("source", source);
    },
    get target() {
      return started("target", target);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function started<T>(name: ServerName, server: T | undefined): T {
  if (server === undefined) throw new OfftakeError("USAGE", `The stack was started without ${name}.`, { cure: "Name it in `servers`." });
  return server;
}
