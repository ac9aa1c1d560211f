/**
 * Where the local servers and their programs live.
 *
 * PostgreSQL refuses to run as root, so a stack that root starts runs it as another user, who must be able to enter every folder above its
 * programs and its data. /root, and what mktemp -d makes, can be entered by root alone: initdb then fails with "Permission denied" on a folder
 * that the person who reads it can list.
 */
import { lstatSync, mkdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { OfftakeError } from "../../services/runtime/errors.ts";

/** What is fetched once and shared by all checkouts: OFFTAKE_CACHE, else `offtake` in the user's cache folder. It may not exist yet. */
export function cacheFolder(): string {
  const named = process.env["OFFTAKE_CACHE"];
  if (named !== undefined && named !== "") return resolve(named);
  const xdg = process.env["XDG_CACHE_HOME"];
  if (xdg !== undefined && xdg !== "") return resolve(xdg, "offtake");
  return process.platform === "darwin" ? join(homedir(), "Library", "Caches", "offtake") : join(homedir(), ".cache", "offtake");
}

/**
 * The folder below which PostgreSQL's programs and the folders of the stacks are put; it exists afterwards. The cache folder, or, for a root
 * whose cache folder nobody else can enter, /var/tmp/offtake-0.
 */
export function serversFolder(): string {
  const cache = cacheFolder();
  mkdirSync(cache, { recursive: true });
  if (process.getuid?.() !== 0 || othersCanEnter(cache)) return cache;
  const shared = "/var/tmp/offtake-0";
  mkdirSync(shared, { recursive: true, mode: 0o755 });
  const found = lstatSync(shared);
  // Anybody may create names in /var/tmp: programs that somebody else has put there must not be started.
  if (!found.isDirectory() || found.uid !== 0) {
    throw new OfftakeError("STACK_FOLDER_UNUSABLE", `${shared} exists and is not a folder of root's, and ${cache} can be entered by root alone.`, {
      cure: "Set OFFTAKE_CACHE to a folder that other users can enter, or start as another user than root.",
    });
  }
  return shared;
}

function othersCanEnter(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}
