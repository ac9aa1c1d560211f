/**
 * promtool, of PATH or else out of Debian's package, which is unpacked into the cache and not installed: a server that starts by itself is nothing that a test may
 * leave behind. Where neither is to be had the test fails, and names the package.
 */
import { execFileSync, type ExecFileSyncOptions } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../../infra/local/folders.ts";
import { makeFolder } from "../../../infra/local/unfinished-folder.ts";

/** @returns the program's path */
export async function promtool(): Promise<string> {
  const installed = (process.env["PATH"] ?? "").split(":").map((folder) => join(folder, "promtool"));
  const folder = join(cacheFolder(), "promtool-of-debian");
  const unpacked = join(folder, "usr", "bin", "promtool");
  const found = [...installed, unpacked].find((path) => existsSync(path));
  if (found !== undefined) return found;
  try {
    await makeFolder(folder, async (unfinished) => unpack(unfinished));
  } catch (error) {
    throw new Error("promtool is not on this machine, and could not be fetched with apt-get: install the package `prometheus`, which has it.", {
      cause: error,
    });
  }
  return unpacked;
}

function unpack(folder: string): void {
  const options: ExecFileSyncOptions = { cwd: folder, stdio: ["ignore", "ignore", "pipe"] };
  const download = (): void => void execFileSync("apt-get", ["download", "prometheus"], options);
  try {
    download();
  } catch {
    // The lists of packages are not there, or name one that is not there any more.
    execFileSync("apt-get", ["update"], options);
    download();
  }
  const file = readdirSync(folder).find((name) => name.endsWith(".deb"))!;
  execFileSync("dpkg-deb", ["-x", file, "."], options);
}
