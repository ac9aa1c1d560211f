/**
 * The folder of one stack: data, settings and logs of its servers, and in its name the process that it belongs to.
 *
 * The owner stands in the name because a name comes into being in one step: a folder whose owner is still to be written down looks abandoned
 * to a clean-up at that moment, and one that is never written down is never cleaned up.
 */
import { randomBytes } from "node:crypto";
import { existsSync, lstatSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { serversFolder } from "./folders.ts";
import { isRunning, ownName } from "./process-table.ts";
import { endStack } from "./stack-processes.ts";

/** Makes an empty folder for a stack of this process. */
export async function createStackFolder(): Promise<string> {
  const folder = join(stacksFolder(), `${ownName()}-${randomBytes(3).toString("hex")}`);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  return folder;
}

/** The file whose presence says that a stack is to outlive its owner. */
export function keptFile(stackFolder: string): string {
  return join(stackFolder, "kept.json");
}

/** Folders of this user's stacks; those of others who share the cache folder are theirs to end. */
export async function stackFolders(): Promise<string[]> {
  const at = stacksFolder();
  if (!existsSync(at)) return [];
  const folders = (await readdir(at)).map((name) => join(at, name));
  // One that its owner has just removed has no owner any more.
  return folders.filter((folder) => lstatSync(folder, { throwIfNoEntry: false })?.uid === process.getuid?.());
}

/** Ends the servers and removes the folders of stacks whose owner has ended without doing so, and whose keeper was killed too. */
export async function endAbandonedStacks(progress: (line: string) => void): Promise<void> {
  for (const folder of await stackFolders()) {
    if (isRunning(basename(folder)) || existsSync(keptFile(folder))) continue;
    progress(`removing what an interrupted run has left in ${folder}`);
    await endStack(folder);
  }
}

function stacksFolder(): string {
  return join(serversFolder(), "stacks");
}
