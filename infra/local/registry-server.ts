/**
 * The schema registry of the local stack: Apicurio, which speaks the Confluent API.
 *
 * Its store is a file, not memory: a registry that comes back without the schemas that events in a topic name would make every one of them
 * unreadable, and a test of its restart would show that instead of the product's behaviour.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { freePort } from "./free-port.ts";
import type { Jars } from "./jars.ts";
import type { Java } from "./java.ts";
import { jvmArguments } from "./java-server.ts";
import { LocalServer } from "./local-server.ts";
import { registrySettings } from "./server-settings.ts";

export interface RegistryServer {
  /** Of the Confluent API. */
  readonly url: string;
  /** Starts it again on the same schemas and port. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface RegistryOptions {
  stackFolder: string;
  java: Java;
  jars: Jars;
  /** Default: a free one. */
  port?: number | undefined;
  /** Apicurio's, over those of the stack. */
  settings?: Record<string, string> | undefined;
}

/** Starts an empty one. Listens on 127.0.0.1 only. */
export async function startRegistry(options: RegistryOptions): Promise<RegistryServer> {
  const { stackFolder, java, jars } = options;
  const port = options.port ?? (await freePort());
  const folder = join(stackFolder, "registry");
  await mkdir(join(folder, "tmp"), { recursive: true });
  const runner = (await readdir(jars.registry)).find((name) => name.endsWith("-runner.jar"));
  if (runner === undefined) {
    throw new OfftakeError("STACK_SERVER_FAILED", `${jars.registry} has no …-runner.jar.`, {
      cure: `Delete ${join(jars.registry, "..")} and start again.`,
    });
  }
  const settings: Record<string, string> = {
    "quarkus.http.host": "127.0.0.1",
    "quarkus.http.port": String(port),
    ...registrySettings(folder),
    ...options.settings,
  };
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  const server = new LocalServer({
    name: "registry",
    command: java.command,
    args: [
      ...jvmArguments({ stackFolder, folder, heapMb: 256, mode: "quick" }),
      ...Object.entries(settings).map(([name, value]) => `-D${name}=${value}`),
      "-jar",
      join(jars.registry, runner),
    ],
    workingFolder: folder,
    logFile: join(stackFolder, "registry.log"),
    answers: () => registryAnswers(url),
    startLimitMs: 90_000,
  });
  await server.start();
  return { url, start: () => server.start(), stop: () => server.stop("SIGTERM", 30_000), kill: () => server.kill() };
}

/** @throws when it does not answer with a list of subjects */
export async function registryAnswers(url: string): Promise<void> {
  const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(10_000) });
  await response.text();
  if (!response.ok) throw new Error(`${url}/subjects answers with HTTP ${response.status}`);
}
