/**
 * `offtake stack up|down|status`: one stack that keeps running when the command has ended.
 *
 * It is found by a file in its own folder, which is there from the moment the stack is to be kept: a record elsewhere could name a stack that
 * is gone, or miss one that runs. There is at most one for each cache folder.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { messageOf } from "../../services/runtime/errors.ts";
import { cacheFolder } from "./folders.ts";
import { kafkaAnswers } from "./kafka-answers.ts";
import { withLockFile } from "./lock-file.ts";
import { postgresAnswers } from "./postgres-server.ts";
import { registryAnswers } from "./registry-server.ts";
import { type ServerName, serverNames, startLocalStack } from "./stack.ts";
import { keptFile, stackFolders } from "./stack-folder.ts";
import { endStack, hasProcesses } from "./stack-processes.ts";

const recordSchema = z.object({
  /** The cache folder of whoever started it. */
  cache: z.string(),
  startedAt: z.string(),
  addresses: z.object({ source: z.string(), target: z.string(), kafka: z.string(), registry: z.string() }),
});

export interface KeptStack {
  /** Data, settings and logs of the servers. */
  folder: string;
  /** ISO 8601. */
  startedAt: string;
  /** Superusers' connection strings, host:port of the broker, URL of the Confluent API. */
  addresses: Record<ServerName, string>;
}

interface ServerStatus {
  name: ServerName;
  address: string;
  answers: boolean;
  /** Why it does not answer; empty when it does. */
  reason: string;
}

export interface StackStatus {
  /** Whether `stack up` has been run and `stack down` has not; its servers may still have died. */
  up: boolean;
  folder: string;
  startedAt: string;
  servers: ServerStatus[];
}

/** Starts the servers, or finds them running: then nothing is changed, and `alreadyUp` says so. @param ports default: free ones */
export async function stackUp(
  progress: (line: string) => void,
  ports: Partial<Record<ServerName, number>> = {},
): Promise<KeptStack & { alreadyUp: boolean }> {
  return locked(progress, async () => {
    const found = await findStack();
    if (found !== undefined && hasProcesses(found.folder)) return { ...found, alreadyUp: true };
    if (found !== undefined) {
      progress(`removing the stack of ${found.startedAt}, whose servers are gone`);
      await endStack(found.folder);
    }
    return { ...(await startKept(progress, ports)), alreadyUp: false };
  });
}

/** Stops the servers and removes their data. `stopped` is false when there was nothing to stop. */
export async function stackDown(progress: (line: string) => void): Promise<{ stopped: boolean }> {
  return locked(progress, async () => {
    const found = await findStack();
    if (found === undefined) return { stopped: false };
    await endStack(found.folder);
    return { stopped: true };
  });
}

/** Asks each server for an answer. Without a stack: `up` is false and there are no servers. */
export async function stackStatus(): Promise<StackStatus> {
  const found = await findStack();
  if (found === undefined) return { up: false, folder: "", startedAt: "", servers: [] };
  const { folder, startedAt, addresses } = found;
  return { up: true, folder, startedAt, servers: await Promise.all(serverNames.map((name) => statusOf(name, addresses[name]))) };
}

const questions: Record<ServerName, (address: string) => Promise<void>> = {
  source: postgresAnswers,
  target: postgresAnswers,
  kafka: kafkaAnswers,
  registry: registryAnswers,
};

async function statusOf(name: ServerName, address: string): Promise<ServerStatus> {
  try {
    await questions[name](address);
    return { name, address, answers: true, reason: "" };
  } catch (error) {
    return { name, address, answers: false, reason: messageOf(error) };
  }
}

async function startKept(progress: (line: string) => void, ports: Partial<Record<ServerName, number>>): Promise<KeptStack> {
  const stack = await startLocalStack({ progress, ports });
  try {
    const { folder, source, target, kafka, registry } = stack;
    const addresses = { source: source.url(), target: target.url(), kafka: kafka.brokers.join(","), registry: registry.url };
    const startedAt = new Date().toISOString();
    // Passwords stand in it.
    await writeFile(keptFile(folder), JSON.stringify({ cache: cacheFolder(), startedAt, addresses }), { mode: 0o600 });
    await stack.release();
    return { folder, startedAt, addresses };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function findStack(): Promise<KeptStack | undefined> {
  for (const folder of await stackFolders()) {
    if (!existsSync(keptFile(folder))) continue;
    const { cache, startedAt, addresses } = recordSchema.parse(JSON.parse(await readFile(keptFile(folder), "utf8")));
    if (cache === cacheFolder()) return { folder, startedAt, addresses };
  }
  return undefined;
}

async function locked<T>(progress: (line: string) => void, work: () => Promise<T>): Promise<T> {
  const waiting = (): void => progress("another process is starting or stopping the stack; waiting for it");
  return withLockFile(join(cacheFolder(), "kept-stack.lock"), waiting, work);
}
