/**
 * What has to stand before anything flows: the servers, the monolith with its nine tables, an empty database for each service, a configuration.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { endSession, openSession } from "../../connectors/postgres/session.ts";
import { type Configuration, loadConfiguration } from "../../services/runtime/configuration.ts";
import { type LocalStack, startLocalStack } from "../local/stack.ts";
import { controlDatabase, databaseOf, monolithDatabase, type RunFolder, writeRunFolder } from "./run-folder.ts";

export interface Stage extends RunFolder {
  readonly stack: LocalStack;
  readonly configuration: Configuration;
}

/** Both ends of the way keep the commit time of each transaction: the latencies come from there. A slot that is forgotten must not fill the disk. */
const source = { track_commit_timestamp: "on", max_slot_wal_keep_size: "8GB" };
const target = { track_commit_timestamp: "on" };

/** @param signal ends a start that is under way */
export async function startServers(progress: (line: string) => void, signal: AbortSignal): Promise<LocalStack> {
  return startLocalStack({ progress, signal, settings: { source, target } });
}

/** @param stack fresh */
export async function setStage(stack: LocalStack): Promise<Stage> {
  const folder = await writeRunFolder(stack);
  const configuration = loadConfiguration(folder.configFile, process.env);
  const databases = [controlDatabase, ...configuration.services.map(({ name }) => databaseOf(name))];
  await Promise.all([createMonolith(stack, configuration), ...databases.map(async (name) => stack.target.createDatabase(name))]);
  return { ...folder, stack, configuration };
}

async function createMonolith(stack: LocalStack, configuration: Configuration): Promise<void> {
  const sql = await readFile(fileURLToPath(new URL("monolith.sql", import.meta.url)), "utf8");
  await stack.source.createDatabase(monolithDatabase);
  const options = { side: "source", applicationName: "offtake demo", statementTimeoutMs: 60_000, settings: { search_path: "public" } } as const;
  const client = await openSession(configuration.source.url, options);
  try {
    await client.query(sql);
  } finally {
    await endSession(client);
  }
}
