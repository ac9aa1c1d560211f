/**
 * The folder of one run of the demo: the configuration that it writes, the secrets that this refers to, the product's log.
 *
 * It lies in the folder of the stack, so that whatever ends the stack removes it, also after kill -9. The configuration is one that a user could
 * have written: `offtake status --config …` beside the demo reads the same file.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { newApiKey } from "../../services/control/api-keys.ts";
import { freePort } from "../local/free-port.ts";
import type { LocalStack } from "../local/stack.ts";

export interface RunFolder {
  readonly configFile: string;
  readonly logFile: string;
  /** Of the HTTP API, an admin's: the configuration has its hash alone. */
  readonly apiKey: string;
}

/** The database of a service, on the target's server. */
export function databaseOf(service: string): string {
  return service.replaceAll("-", "_");
}

export const monolithDatabase = "monolith";

/** Offtake's own, on the target's server. */
export const controlDatabase = "offtake_control";

/** Writes offtake.yaml of the run from the template beside this file. */
export async function writeRunFolder(stack: LocalStack): Promise<RunFolder> {
  const folder = join(stack.folder, "demo");
  const secrets = join(folder, "secrets");
  await mkdir(secrets, { recursive: true, mode: 0o700 });
  const template = await readFile(fileURLToPath(new URL("offtake.yaml", import.meta.url)), "utf8");
  const configFile = join(folder, "offtake.yaml");
  const { key, hash } = newApiKey();
  const placed = { "<brokers>": stack.kafka.brokers.join(", "), "<port>": String(await freePort()), "<hash>": hash };
  await writeFile(
    configFile,
    Object.entries(placed).reduce((text, [place, value]) => text.replace(place, value), template),
  );
  const services = [...template.matchAll(/"file:secrets\/([a-z-]+)"/g)].map((match) => match[1] ?? "");
  const urls: [name: string, url: string][] = [
    ["monolith", stack.source.url(monolithDatabase)],
    ["registry", stack.registry.url],
    ["control", stack.target.url(controlDatabase)],
    ...services.map((service): [string, string] => [service, stack.target.url(databaseOf(service))]),
  ];
  for (const [name, url] of urls) await writeFile(join(secrets, name), `${url}\n`, { mode: 0o600 });
  return { configFile, logFile: join(folder, "offtake.log"), apiKey: key };
}

/** Copies the logs of the run and of its servers to where they stay when the stack is gone. @returns the folder */
export async function keepLogs(stackFolder: string): Promise<string> {
  const kept = await mkdtemp(join(tmpdir(), "offtake-demo-logs-"));
  const files = [...(await logsIn(stackFolder)), ...(await logsIn(join(stackFolder, "demo")))];
  for (const file of files) await cp(file, join(kept, basename(file)));
  return kept;
}

async function logsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.endsWith(".log")).map((name) => join(folder, name));
}
