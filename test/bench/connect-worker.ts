/**
 * A process of Kafka Connect, standalone: connectors are put into it by its REST API and taken out again. It ends with its stack.
 *
 * A task that fails leaves its worker running, and whoever waits for its rows waits for ever: so whoever waits asks for its state, too.
 *
 * Source: Kafka documentation, "Kafka Connect", Configuring Connectors, REST API.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { freePort } from "../../infra/local/free-port.ts";
import { jvmArguments, logging, propertiesText } from "../../infra/local/java-server.ts";
import { LocalServer } from "../../infra/local/local-server.ts";
import type { LocalStack } from "../../infra/local/stack.ts";
import type { ConnectJars } from "./connect-jars.ts";
import { until } from "./measure.ts";

/** Asking more often than this would show in the worker's CPU. */
const stateEveryMs = 1000;

export class ConnectWorker {
  readonly #server: LocalServer;
  readonly #url: string;
  readonly #logFile: string;
  #askedAt = 0;

  private constructor(server: LocalServer, url: string, logFile: string) {
    this.#server = server;
    this.#url = url;
    this.#logFile = logFile;
  }

  /** @param name of its folder and log in the stack's folder. @throws OfftakeError STACK_SERVER_FAILED, with the end of its log */
  static async start(stack: LocalStack, name: string, jars: ConnectJars): Promise<ConnectWorker> {
    const folder = join(stack.folder, name);
    await mkdir(join(folder, "tmp"), { recursive: true });
    const url = `http://127.0.0.1:${await freePort()}`;
    const settingsFile = join(folder, "worker.properties");
    const logFile = join(stack.folder, `${name}.log`);
    const loggingFile = join(folder, "log4j2.properties");
    await writeFile(settingsFile, propertiesText(settings(stack, folder, url, jars)));
    await writeFile(loggingFile, propertiesText(logging));
    const jvm = jvmArguments({ stackFolder: stack.folder, folder, heapMb: 1024, mode: "full" });
    const server = new LocalServer({
      name,
      command: jars.java.command,
      args: [
        ...jvm,
        `-Dlog4j.configurationFile=${loggingFile}`,
        "-cp",
        join(jars.runtime, "*"),
        "org.apache.kafka.connect.cli.ConnectStandalone",
        settingsFile,
      ],
      workingFolder: folder,
      logFile,
      answers: async () => void (await connectorsAt(url)),
      startLimitMs: 90_000,
    });
    await server.start();
    return new ConnectWorker(server, url, logFile);
  }

  get pid(): number {
    return this.#server.pid;
  }

  /** Returns as soon as the connector is taken, before its task runs. @throws with what is wrong in its settings */
  async put(connector: string, configuration: Readonly<Record<string, string>>): Promise<void> {
    await answer(`${this.#url}/connectors/${connector}/config`, "PUT", { ...configuration, name: connector });
  }

  /**
   * Asks once a second at most.
   *
   * @throws with the stack trace of a connector or task that has failed, or with the first error in the worker's log: Debezium's sink keeps a fault to itself
   * until more records come, and they may not
   */
  async refuseFailed(connector: string): Promise<void> {
    if (performance.now() < this.#askedAt + stateEveryMs) return;
    this.#askedAt = performance.now();
    const error = /^\S+ \S+ ERROR (?:.*\n){1,40}/m.exec(await readFile(this.#logFile, "utf8"))?.[0];
    if (error !== undefined) throw new Error(`${connector} failed: ${error}`);
    const found = await answer(`${this.#url}/connectors/${connector}/status`);
    if (found === undefined) return; // taken, and not begun
    const status = statusAnswer.parse(found);
    for (const { state, trace } of [status.connector, ...status.tasks]) {
      if (state === "FAILED") throw new Error(`${connector} failed: ${trace ?? "it does not say why"}`);
    }
  }

  /** Returns when its tasks have ended. */
  async remove(connector: string): Promise<void> {
    await answer(`${this.#url}/connectors/${connector}`, "DELETE");
    await until(`${connector} is gone`, async () => !(await connectorsAt(this.#url)).includes(connector));
  }

  async stop(): Promise<void> {
    await this.#server.stop("SIGTERM", 30_000);
  }
}

const stateAnswer = z.object({ state: z.string(), trace: z.string().optional() });
const statusAnswer = z.object({ connector: stateAnswer, tasks: z.array(stateAnswer) });
const namesAnswer = z.array(z.string());

/** A worker that is still beginning says that there is no such thing. */
async function connectorsAt(url: string): Promise<string[]> {
  return namesAnswer.parse(await answer(`${url}/connectors`));
}

/** @returns undefined for what is not there */
async function answer(url: string, method = "GET", body?: object): Promise<unknown> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  if (response.status === 404 && method === "GET") return undefined;
  if (!response.ok) throw new Error(`${method} ${url}: HTTP ${response.status}: ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

function settings(stack: LocalStack, folder: string, url: string, jars: ConnectJars): Record<string, string> {
  return {
    "bootstrap.servers": stack.kafka.brokers.join(),
    listeners: url,
    "plugin.path": jars.plugins,
    "plugin.discovery": "hybrid_warn",
    "offset.storage.file.filename": join(folder, "offsets"),
    ...converters(stack),
    "producer.linger.ms": "5",
    "producer.batch.size": "524288",
    "producer.max.request.size": "8388608",
  };
}

/** Avro for keys and values, in the wire format of Confluent. */
function converters({ registry }: LocalStack): Record<string, string> {
  const url = registry.url.replace(/\/apis\/.*/, "/apis/registry/v2");
  return Object.fromEntries(
    ["key", "value"].flatMap((side) => [
      [`${side}.converter`, "io.apicurio.registry.utils.converter.AvroConverter"],
      [`${side}.converter.apicurio.registry.url`, url],
      [`${side}.converter.apicurio.registry.auto-register`, "true"],
      [`${side}.converter.apicurio.registry.find-latest`, "true"],
      [`${side}.converter.apicurio.registry.headers.enabled`, "false"],
      [`${side}.converter.apicurio.registry.as-confluent`, "true"],
    ]),
  );
}
