/**
 * Chromium: of PATH, or else installed out of the system's packages, where the tests may. A browser that a package of npm downloads is another one than people have, and a machine without a
 * network but for its packages has none.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** @returns the program's path */
export function chromium(): string {
  const found = onPath();
  if (found !== undefined) return found;
  try {
    install();
  } catch (error) {
    throw new Error("Chromium is not on this machine, and could not be installed with apt-get: install the package `chromium`.", { cause: error });
  }
  return onPath() ?? "/usr/bin/chromium";
}

function onPath(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

function install(): void {
  try {
    apt("install", "chromium");
  } catch {
    // The lists of packages are not there, or name one that is not there any more.
    apt("update");
    apt("install", "chromium");
  }
}

function apt(...args: string[]): void {
  // Of two files that begin at once one waits for the other; what waits longer than this is stuck.
  execFileSync("apt-get", ["-o", "DPkg::Lock::Timeout=300", "-y", "--no-install-recommends", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
}
