/**
 * Fetches an older PostgreSQL with npm, once per machine.
 *
 * Four versions as dependencies would be 240 MB for everybody who installs Offtake to try it, and nobody but the version matrix runs more than
 * one. What npm installs, scripts of others among it, is never run: only copied out of.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import { postgresPackage } from "./postgres-versions.ts";

/**
 * @param folder in which npm gets a folder of its own, gone when this returns
 * @param take gets the folder of the platform's package
 * @throws OfftakeError STACK_DOWNLOAD_FAILED
 */
export async function withOlderPostgres(folder: string, version: string, take: (packageFolder: string) => Promise<void>): Promise<void> {
  const project = join(folder, "npm");
  await mkdir(project);
  // Without a package.json there, npm installs into the nearest folder above that has one.
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, dependencies: { [postgresPackage]: version } }));
  const [command, ...before] = npmCommand();
  try {
    await promisify(execFile)(command, [...before, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], { cwd: project });
  } catch (cause) {
    throw new OfftakeError("STACK_DOWNLOAD_FAILED", `npm could not fetch PostgreSQL ${version}: ${messageOf(cause)}`, {
      cure: "Mend the network, or name a mirror or proxy in npm's settings, and start again. Where the package has no such version for this platform, use the external backend.",
      cause,
    });
  }
  await take(join(project, "node_modules", ...postgresPackage.split("/")));
  await rm(project, { recursive: true });
}

/** npm as the command that starts it: the one that runs this process, else the one on the PATH. */
function npmCommand(): [string, ...string[]] {
  const running = process.env["npm_execpath"] ?? "";
  return running.endsWith("npm-cli.js") && existsSync(running) ? [process.execPath, running] : ["npm"];
}
