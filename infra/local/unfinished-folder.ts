/**
 * Fills a folder of the cache so that others see it whole or not at all.
 *
 * A folder that is there is taken for complete, by this process and every later one: so it gets its name only when it is.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isRunning, ownName } from "./process-table.ts";

/**
 * Makes `folder` with what `fill` puts into the folder it is given. Of two processes at once, one wins and both find it whole.
 * What killed processes have left half-filled is removed.
 */
export async function makeFolder(folder: string, fill: (unfinished: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const prefix = `${basename(folder)}.unfinished-`;
  for (const name of await readdir(dirname(folder))) {
    if (name.startsWith(prefix) && !isRunning(name.slice(prefix.length))) await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
  const unfinished = join(dirname(folder), `${prefix}${ownName()}-${randomBytes(3).toString("hex")}`);
  try {
    await mkdir(unfinished, { mode: 0o755 });
    await fill(unfinished);
    await rename(unfinished, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
