/**
 * One server as a container of whatever engine answers, by testcontainers: start, stop, kill, start again on the same port and data.
 *
 * Its port on the host is chosen before it starts. An engine would choose one at each start: what had the address before would look for the server
 * where it is not, and Kafka could not tell its clients where it is.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type * as Testcontainers from "testcontainers";
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import type { ContainerPlan } from "./container-plan.ts";

export interface ContainerServer {
  start(): Promise<void>;
  /** Sends the signal and waits until it has ended; after half a minute it is killed. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** With its data. */
  remove(): Promise<void>;
}

export interface ContainerEngine {
  /** Where the ports of containers are: localhost, or the machine of an engine elsewhere. */
  readonly host: string;
  /** @param answers resolves when the server does its work; throws as long as it does not */
  run(name: string, plan: ContainerPlan, hostPort: number, answers: () => Promise<void>): Promise<ContainerServer>;
}

const startLimitMs = 120_000;

/** @throws OfftakeError STACK_ENGINE_MISSING */
export async function containerEngine(): Promise<ContainerEngine> {
  const { GenericContainer, getContainerRuntimeClient } = await testcontainers();
  const client = await getContainerRuntimeClient().catch((cause: unknown) => {
    throw new OfftakeError("STACK_ENGINE_MISSING", `No container engine answers: ${messageOf(cause)}.`, {
      cure: "Start Docker, or name an engine in DOCKER_HOST; or use the local backend, which needs none.",
      cause,
    });
  });
  return {
    host: client.info.containerRuntime.host,
    async run(name, plan, hostPort, answers) {
      const log: string[] = [];
      const start = randomUUID();
      const planned = new GenericContainer(plan.image)
        .withEnvironment({ ...plan.environment })
        .withExposedPorts({ container: plan.port, host: hostPort })
        .withLabels({ "offtake.server": name, "offtake.start": start })
        .withStartupTimeout(startLimitMs)
        .withLogConsumer((stream) => stream.on("data", (line: unknown) => void (log.push(String(line).trimEnd()), log.splice(0, log.length - 15))));
      if (plan.command.length > 0) planned.withCommand([...plan.command]);
      const failure = (what: string, cause: unknown): OfftakeError =>
        new OfftakeError(
          "STACK_SERVER_FAILED",
          `${name} (${plan.image}) ${what}: ${messageOf(cause)}. Last lines of its log:\n  ${log.join("\n  ")}`,
          {
            cause,
          },
        );
      const container = await planned.start().catch(async (cause: unknown) => {
        // One that ends at once has no ports, and is left as it is: nobody would read its log.
        const left = await client.container.fetchByLabel("offtake.start", start);
        if (left !== undefined) {
          log.push(...logLines(await left.logs({ stdout: true, stderr: true, tail: 15, follow: false })));
          await left.remove({ v: true, force: true });
        }
        throw failure("did not start", cause);
      });
      const engines = client.container.getById(container.getId());
      const untilItAnswers = async (): Promise<void> => {
        for (const limit = Date.now() + startLimitMs; ; await pause(50)) {
          try {
            await answers();
            return;
          } catch (cause) {
            if (Date.now() > limit || !(await isRunning())) throw failure("does not answer", cause);
          }
        }
      };
      const isRunning = async (): Promise<boolean> => (await client.container.inspect(engines)).State.Running;
      const stop = async (signal: NodeJS.Signals): Promise<void> => {
        if (!(await isRunning())) return;
        const ended: Promise<unknown> = engines.wait();
        await engines.kill({ signal });
        const tooLate = setTimeout(() => void engines.kill().catch(() => undefined), 30_000);
        await ended;
        clearTimeout(tooLate);
      };
      const remove = async (): Promise<void> => void (await container.stop({ remove: true, removeVolumes: true, timeout: 0 }));
      try {
        await untilItAnswers();
      } catch (error) {
        await remove();
        throw error;
      }
      return {
        async start() {
          if (await isRunning()) return;
          await client.container.start(engines);
          await untilItAnswers();
        },
        stop,
        kill: async () => stop("SIGKILL"),
        remove,
      };
    },
  };
}

/** Docker writes 8 bytes of its own, stream and length, before each piece. */
function logLines(log: Buffer): string[] {
  return log
    .toString()
    .split("\n")
    .flatMap((line) => line.replaceAll(/[^\P{Cc}\t]|\uFFFD/gu, "").trim() || []);
}

/** A development dependency, loaded only where containers are asked for. */
async function testcontainers(): Promise<typeof Testcontainers> {
  try {
    return await import("testcontainers");
  } catch (cause) {
    throw new OfftakeError("STACK_ENGINE_MISSING", "The npm package testcontainers is not installed.", {
      cure: "Run `npm ci` without --omit=dev; or use the local backend.",
      cause,
    });
  }
}
