import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { startProgram } from "./program.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const firstRun = join(root, "infra", "local", "first-run.js");

/** The script that it runs: prints its arguments, then ends with 7 at a signal or, with `exit`, with 5. */
const script = `
  const args: string[] = process.argv.slice(2);
  console.log(JSON.stringify({ args, version: process.version }));
  if (args[0] === "exit") process.exit(5);
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => { console.log(name); process.exit(7); });
  setInterval(() => undefined, 60_000);
  console.log("ready");
`;

test("passes arguments and the exit code on, and leaves stdout to the script", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "script.ts"), script);
  const program = startProgram(firstRun, [join(folder.path, "script.ts"), "exit", "--json", "a b"]);
  expect(JSON.parse(await program.line())).toEqual({ args: ["exit", "--json", "a b"], version: process.version });
  expect(await program.ended).toEqual({ code: 5, signal: null, stderr: "" });
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s reaches the script, and the exit code is the script's", async (signal) => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "script.ts"), script);
  const program = startProgram(firstRun, [join(folder.path, "script.ts")]);
  await program.line();
  expect(await program.line()).toBe("ready");
  program.child.kill(signal);
  expect(await program.line()).toBe(signal);
  expect(await program.ended).toMatchObject({ code: 7, signal: null });
});

/** A clone in which nothing is installed, as far as first-run.js looks at one. */
async function emptyClone(folder: string): Promise<string> {
  await mkdir(join(folder, "infra", "local"), { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) await copyFile(join(root, file), join(folder, file));
  for (const file of ["first-run.js", "installation.js", "install-lock.js", "npm-output.js"]) {
    await copyFile(join(root, "infra", "local", file), join(folder, "infra", "local", file));
  }
  return join(folder, "infra", "local", "first-run.js");
}

test("without npm it says what to install", async () => {
  await using folder = await temporaryFolder();
  const env = { ...process.env, PATH: "/nowhere", npm_execpath: "" };
  const { code, stderr } = await startProgram(await emptyClone(folder.path), ["script.ts"], { env }).ended;
  expect(code).toBe(1);
  expect(stderr).toBe(
    "npm, which installs the dependencies, was not found. Install Node.js with npm (https://nodejs.org; Debian, Ubuntu: apt install npm).\n",
  );
});

test("without a network it says so, and the next run tries again", async () => {
  await using folder = await temporaryFolder();
  const env = {
    ...process.env,
    npm_config_registry: "http://127.0.0.1:1/",
    npm_config_cache: join(folder.path, "cache"),
    npm_config_fetch_retries: "0",
  };
  const clone = await emptyClone(folder.path);
  for (const attempt of [1, 2]) {
    const { code, stderr } = await startProgram(clone, [`script-${attempt}.ts`], { env }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain("Installing the npm dependencies: npm ci\n");
    expect(stderr).toContain("It could not reach its registry");
  }
});

test("where somebody has run npm ci by hand, nothing is installed again", async () => {
  await using folder = await temporaryFolder();
  const clone = await emptyClone(folder.path);
  await writeFile(join(folder.path, "script.ts"), script);
  await mkdir(join(folder.path, "node_modules"));
  for (const name of [".bin", ".package-lock.json", "node"]) await symlink(join(root, "node_modules", name), join(folder.path, "node_modules", name));
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:/nowhere`, npm_execpath: "" };
  const program = startProgram(clone, ["script.ts", "exit"], { env });
  await program.line();
  expect(await program.ended).toEqual({ code: 5, signal: null, stderr: "" });
});
