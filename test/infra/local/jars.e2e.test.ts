import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { fetchedJars, fetchJars, type Jars } from "../../../infra/local/jars.ts";
import type { Java } from "../../../infra/local/java.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const java: Java = { command: "/nowhere/java", home: "/nowhere", version: 17 };

/** A cache folder of its own, and a program in Maven's place that does `script` in the folder that Maven is told to fill. */
async function fetcher(script: string): Promise<{ cache: string; fetch: () => Promise<Jars>; calls: () => Promise<number>; lines: string[] }> {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const cache = join(folder.path, "cache");
  vi.stubEnv("OFFTAKE_CACHE", cache);
  onTestFinished(() => void vi.unstubAllEnvs());
  const maven = join(folder.path, "mvn");
  const log = join(folder.path, "calls");
  await writeFile(log, "");
  await writeFile(
    maven,
    `#!/bin/sh\necho called >> ${log}\nfor a in "$@"; do case "$a" in -Doutput=*) cd "\${a#-Doutput=}" ;; esac; done\n${script}\n`,
  );
  await chmod(maven, 0o755);
  const lines: string[] = [];
  const fetch = (): Promise<Jars> => fetchJars({ maven, java, stackFolder: folder.path, progress: (line) => lines.push(line) });
  const calls = async (): Promise<number> => (await readFile(log, "utf8")).split("\n").length - 1;
  return { cache, fetch, calls, lines };
}

describe("fetchJars", () => {
  test("what Maven has fetched is there for good", async () => {
    const { fetch, calls, lines } = await fetcher("mkdir kafka registry; echo 'Downloaded from central: x (3.2 MB at 1 MB/s)'");
    expect(fetchedJars()).toBeUndefined();
    const jars = await fetch();
    expect(existsSync(jars.kafka)).toBe(true);
    expect(fetchedJars()).toEqual(jars);
    await fetch();
    expect(await calls()).toBe(1);
    expect(lines.at(-1)).toMatch(/^Kafka and the schema registry are there: 1 files, 3\.2 MB, \d+ s$/);
  });

  test("two at once run Maven once", async () => {
    const { fetch, calls, lines } = await fetcher("mkdir kafka registry");
    const [one, other] = await Promise.all([fetch(), fetch()]);
    expect(one).toEqual(other);
    expect(await calls()).toBe(1);
    expect(lines).toContain("fetching Kafka and the schema registry with Maven: about 180 MB, once per machine");
  });

  test("a failed Maven leaves nothing that could be taken for complete, and its last lines are in the error", async () => {
    const { cache, fetch } = await fetcher("mkdir kafka; echo '[ERROR] Could not transfer artifact'; exit 1");
    await expect(fetch()).rejects.toMatchObject({
      code: "STACK_DOWNLOAD_FAILED",
      message: expect.stringContaining("[ERROR] Could not transfer artifact"),
    });
    expect(fetchedJars()).toBeUndefined();
    expect(await readdir(cache)).toEqual([]);
  });

  test("what a killed process has left half-fetched is removed by the next, and its lock taken over", async () => {
    const { cache, fetch } = await fetcher("mkdir kafka registry");
    const name = (await fetch()).kafka.split("/").at(-2) ?? "";
    const dead = "999999999-1";
    const again = await fetcher("mkdir kafka registry");
    await mkdir(join(again.cache, `${name}.unfinished-${dead}`, "kafka"), { recursive: true });
    await writeFile(join(again.cache, `${name}.lock`), dead);
    await again.fetch();
    expect(await readdir(again.cache)).toEqual([name]);
    expect(await readdir(cache)).toEqual([name]);
  });

  test("a Maven that cannot be started is an error", async () => {
    const { fetch } = await fetcher("exit 0");
    const folder = await temporaryFolder();
    await folder[Symbol.asyncDispose]();
    await expect(fetchJars({ maven: join(folder.path, "mvn"), java, stackFolder: folder.path, progress: () => undefined })).rejects.toThrow("ENOENT");
    await expect(fetch()).resolves.toBeDefined();
  });
});
