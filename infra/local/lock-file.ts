/**
 * Lets one process at a time do what costs much, such as a download: the others wait and find it done.
 *
 * A lock whose owner has died is taken over. Two processes that find it dead in the same instant may then both go on: so this saves work, and
 * what is done under it must be right without it (written elsewhere, and renamed into place).
 */
import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isRunning, ownName } from "./process-table.ts";

/** @param file in a folder that may not exist yet. @param waiting called once when another process holds the lock */
export async function withLockFile<T>(file: string, waiting: () => void, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  for (let tries = 0; !(await take(file)); tries += 1) {
    if (tries === 1) waiting();
    await pause(100);
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<boolean> {
  // Linked, not created: a lock that exists for a moment without its owner's name would be taken for a dead one.
  const own = `${file}.${randomBytes(4).toString("hex")}`;
  await writeFile(own, ownName());
  try {
    await link(own, file);
    return true;
  } catch {
    const holder = await readFile(file, "utf8").catch(() => undefined);
    if (holder !== undefined && !isRunning(holder)) await rename(file, own).catch(() => undefined);
    return false;
  } finally {
    await rm(own, { force: true });
  }
}
