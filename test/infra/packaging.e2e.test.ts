/**
 * What `npm pack` makes, installed where nothing of the repository is, on the oldest Node that package.json promises.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPipeline } from "../support/pipeline.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary-folder.ts";
import { waitFor } from "../support/wait-for.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const oldestNode = "22.18.0";
/** npm has a package of Node for each platform. */
const nodePackage = `${process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node"}-${process.platform}-${process.arch}`;

let folder: TemporaryFolder;
let installed: string;
let packed: string[];
/** With the old Node in front. */
let path: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  installed = join(folder.path, "installed");
  await mkdir(installed);
  const tarball = await pack(join(folder.path, "clone"));
  await writeFile(join(installed, "package.json"), "{}");
  await npm(installed, "install", "--prefer-offline", "--no-audit", "--no-fund", tarball, `${nodePackage}@${oldestNode}`);
  path = [join(installed, "node_modules", nodePackage, "bin"), process.env["PATH"]].join(delimiter);
});

afterAll(async () => folder[Symbol.asyncDispose]());

/** Packs a copy of the sources: the repository's own dist/ may be in use. @returns the tarball */
async function pack(clone: string): Promise<string> {
  await mkdir(clone);
  for (const each of ["connectors", "docs", "infra", "schemas", "services"]) await cp(join(repository, each), join(clone, each), { recursive: true });
  for (const each of ["package.json", "tsconfig.json", "tsconfig.build.json", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE"])
    await copyFile(join(repository, each), join(clone, each));
  await symlink(join(repository, "node_modules"), join(clone, "node_modules"));
  const answer = await npm(clone, "pack", "--json", "--pack-destination", folder.path);
  // What the prepack script says stands before it.
  const [{ filename, files }]: [{ filename: string; files: { path: string }[] }] = JSON.parse(answer.slice(answer.indexOf("[\n")));
  packed = files.map((file) => file.path);
  return join(folder.path, filename);
}

async function npm(cwd: string, ...args: string[]): Promise<string> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"));
  return (await promisify(execFile)("npm", args, { cwd, env: Object.fromEntries(own) })).stdout;
}

interface Ended {
  readonly code: number | null;
  readonly object: Readonly<Record<string, unknown>>;
}

/** The installed command, in a folder with nothing but offtake.yaml. */
async function offtake(cwd: string, ...args: string[]): Promise<Ended> {
  const child = spawn(join(installed, "node_modules/.bin/offtake"), [...args, "--json"], {
    cwd,
    env: { ...process.env, PATH: path },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  return { code, object: JSON.parse(stdout.trimEnd().split("\n").at(-1)!) };
}

test("the package has the built program and its documents, and nothing of tests, sources or the local servers", () => {
  const kinds = new Set(packed.map((file) => file.replace(/^(dist\/\w+|docs)\/.*/, "$1/")));
  expect([...kinds].toSorted()).toEqual([
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "dist/connectors/",
    "dist/schemas/",
    "dist/services/",
    "docs/",
    "package.json",
  ]);
  const others = packed.filter((file) => file.startsWith("dist/") && !file.endsWith(".js"));
  expect(others.map((file) => file.replace(/-[A-Z0-9]{8}\./, ".")).toSorted()).toEqual([
    "dist/services/control/dashboard/LICENCES.txt",
    "dist/services/control/dashboard/icon.svg",
    "dist/services/control/dashboard/style.css",
  ]);
});

test("it can be published by nobody by accident, and offers its command alone", async () => {
  const manifest: Record<string, unknown> = JSON.parse(await readFile(join(installed, "node_modules/offtake/package.json"), "utf8"));
  expect(manifest).toMatchObject({ private: true, engines: { node: ">=22.18" }, exports: { "./package.json": "./package.json" } });
});

test("it knows its version, and says of what needs a clone that it does", async () => {
  const { version }: { version: string } = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));
  expect(await offtake(folder.path, "version")).toEqual({ code: 0, object: { version, node: `v${oldestNode}` } });
  for (const command of [["demo"], ["stack", "up"], ["stack", "status"]]) {
    const { code, object } = await offtake(folder.path, ...command);
    expect([code, object]).toMatchObject([
      2,
      { error: { code: "NEEDS_CLONE", cure: expect.stringContaining(`npm run offtake -- ${command.join(" ")}`) } },
    ]);
  }
});

test("check, up and run all carry a row from the monolith to its service", async () => {
  await using pipeline = await createPipeline("CREATE TABLE trades (id int8 PRIMARY KEY, note text)");
  await using empty = await temporaryFolder();
  await copyFile(pipeline.file, join(empty.path, "offtake.yaml"));
  expect(await offtake(empty.path, "check")).toMatchObject({ code: 3, object: { ok: false } });
  expect(await offtake(empty.path, "up", "--create-tables")).toMatchObject({ code: 0, object: { services: [{ slot: "created" }] } });
  expect(await offtake(empty.path, "check")).toMatchObject({ code: 0, object: { ok: true } });
  const running = spawn(join(installed, "node_modules/.bin/offtake"), ["run", "all", "--http-port", "0"], {
    cwd: empty.path,
    env: { ...process.env, PATH: path },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines = createInterface(running.stderr);
  let log = "";
  const address = new Promise<string>((resolve) => {
    lines.on("line", (line) => {
      log += `${line}\n`;
      const [http] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
      if (http !== undefined) resolve(http);
    });
  });
  const ended = once(running, "close");
  try {
    await pipeline.source.query("INSERT INTO trades VALUES (1, 'packed')");
    const over = ended.then(async () => Promise.reject(new Error(`it ended:\n${log}`)));
    const arrived = waitFor(async () => (await pipeline.target.query("SELECT FROM trades WHERE note = 'packed'")).rowCount === 1, {
      what: "the row at the target",
    });
    await Promise.race([arrived, over]);
    const page = await (await fetch(await address)).text();
    const [script = ""] = /assets\/main-\w+\.js/.exec(page) ?? [];
    expect((await fetch(new URL(script, await address))).status).toBe(200);
  } finally {
    running.kill("SIGTERM");
    await ended;
  }
  expect(running.exitCode).toBe(0);
});
