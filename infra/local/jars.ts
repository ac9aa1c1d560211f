/**
 * Kafka and the schema registry, fetched once by Maven into the cache folder.
 *
 * Maven writes into a folder that is renamed when Maven has succeeded: a download that was interrupted is never taken for a complete one, and
 * of two processes that fetch at once both end with a whole folder.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { cacheFolder } from "./folders.ts";
import type { Java } from "./java.ts";
import { withLockFile } from "./lock-file.ts";
import { MavenOutput } from "./maven-output.ts";
import { javaMark } from "./stack-processes.ts";
import { makeFolder } from "./unfinished-folder.ts";

export interface Jars {
  /** Folder of Kafka's jars. */
  kafka: string;
  /** Folder of the unpacked schema registry. */
  registry: string;
}

const pom = fileURLToPath(new URL("pom.xml", import.meta.url));

/** What has been fetched already; undefined when fetchJars would have to run Maven. */
export function fetchedJars(): Jars | undefined {
  const folder = jarsFolder();
  return existsSync(folder) ? { kafka: join(folder, "kafka"), registry: join(folder, "registry") } : undefined;
}

/** @param stackFolder of the stack for which they are fetched, with which Maven ends too */
export async function fetchJars(fetch: { maven: string; java: Java; stackFolder: string; progress: (line: string) => void }): Promise<Jars> {
  const folder = jarsFolder();
  const waiting = (): void => fetch.progress("another process is fetching Kafka and the schema registry; waiting for it");
  return withLockFile(`${folder}.lock`, waiting, async () => {
    if (!existsSync(folder)) await makeFolder(folder, (unfinished) => runMaven(unfinished, fetch));
    return { kafka: join(folder, "kafka"), registry: join(folder, "registry") };
  });
}

/** Named after the contents of the pom: another version is another folder. */
function jarsFolder(): string {
  return join(cacheFolder(), `jars-${createHash("sha256").update(readFileSync(pom)).digest("hex").slice(0, 12)}`);
}

async function runMaven(output: string, fetch: { maven: string; java: Java; stackFolder: string; progress: (line: string) => void }): Promise<void> {
  const began = Date.now();
  const said = new MavenOutput();
  fetch.progress("fetching Kafka and the schema registry with Maven: about 180 MB, once per machine");
  const args = ["--file", pom, "--strict-checksums", "-Dstyle.color=never", `-Doutput=${output}`, javaMark(fetch.stackFolder), "generate-resources"];
  const child = spawn(fetch.maven, args, { env: { ...process.env, JAVA_HOME: fetch.java.home }, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => said.add(text));
  const ticking = setInterval(() => fetch.progress(`Maven: ${said.progress}`), 2000);
  try {
    const [code] = await once(child, "close");
    if (code !== 0) {
      throw new OfftakeError("STACK_DOWNLOAD_FAILED", `Maven could not fetch Kafka and the schema registry:\n  ${said.lastLines}\n`, {
        cure: "Mend the network, or name a mirror or proxy in Maven's settings.xml, and start again.",
      });
    }
  } finally {
    clearInterval(ticking);
  }
  fetch.progress(`Kafka and the schema registry are there: ${said.progress}, ${((Date.now() - began) / 1000).toFixed(0)} s`);
}
