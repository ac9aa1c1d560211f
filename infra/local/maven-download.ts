/**
 * What Maven fetches by a pom of ours, once per machine, into a folder of the cache.
 *
 * Maven writes into a folder that is renamed when Maven has succeeded: a download that was interrupted is never taken for a complete one, and
 * of two processes that fetch at once both end with a whole folder.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { cacheFolder } from "./folders.ts";
import type { Java } from "./java.ts";
import { withLockFile } from "./lock-file.ts";
import { MavenOutput } from "./maven-output.ts";
import { javaMark } from "./stack-processes.ts";
import { makeFolder } from "./unfinished-folder.ts";

export interface MavenDownload {
  /** First part of the folder's name. */
  readonly name: string;
  /** Its phase generate-resources fills the folder `output`. */
  readonly pom: string;
  /** As messages call it, in the plural. */
  readonly what: string;
  readonly megabytes: number;
}

export interface Fetch {
  maven: string;
  java: Java;
  /** Of the stack for which it is fetched, with which Maven ends too. */
  stackFolder: string;
  progress: (line: string) => void;
}

/** The folder of what has been fetched already; undefined when fetchFolder would have to run Maven. */
export function fetchedFolder(download: MavenDownload): string | undefined {
  const folder = folderOf(download);
  return existsSync(folder) ? folder : undefined;
}

/** @throws OfftakeError STACK_DOWNLOAD_FAILED */
export async function fetchFolder(download: MavenDownload, fetch: Fetch): Promise<string> {
  const folder = folderOf(download);
  const waiting = (): void => fetch.progress(`another process is fetching ${download.what}; waiting for it`);
  return withLockFile(`${folder}.lock`, waiting, async () => {
    if (!existsSync(folder)) await makeFolder(folder, (unfinished) => runMaven(download, unfinished, fetch));
    return folder;
  });
}

/** Named after the contents of the pom: another version is another folder. */
function folderOf({ name, pom }: MavenDownload): string {
  return join(cacheFolder(), `${name}-${createHash("sha256").update(readFileSync(pom)).digest("hex").slice(0, 12)}`);
}

async function runMaven({ pom, what, megabytes }: MavenDownload, output: string, fetch: Fetch): Promise<void> {
  const began = Date.now();
  const said = new MavenOutput();
  fetch.progress(`fetching ${what} with Maven: about ${megabytes} MB, once per machine`);
  const args = ["--file", pom, "--strict-checksums", "-Dstyle.color=never", `-Doutput=${output}`, javaMark(fetch.stackFolder), "generate-resources"];
  const child = spawn(fetch.maven, args, { env: { ...process.env, JAVA_HOME: fetch.java.home }, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => said.add(text));
  const ticking = setInterval(() => fetch.progress(`Maven: ${said.progress}`), 2000);
  try {
    const [code] = await once(child, "close");
    if (code !== 0) {
      throw new OfftakeError("STACK_DOWNLOAD_FAILED", `Maven could not fetch ${what}:\n  ${said.lastLines}\n`, {
        cure: "Mend the network, or name a mirror or proxy in Maven's settings.xml, and start again.",
      });
    }
  } finally {
    clearInterval(ticking);
  }
  fetch.progress(`${what} are there: ${said.progress}, ${((Date.now() - began) / 1000).toFixed(0)} s`);
}
