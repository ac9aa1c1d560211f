/**
 * The product with one of its defences taken out: a copy of its sources in which some text stands for another. The product itself has no switch by which a defence
 * could be turned off, not even by accident.
 */
import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Patch {
  /** From the root of the repository. */
  readonly file: string;
  /** Stands there once. */
  readonly find: string;
  readonly replace: string;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

const sources = ["connectors", "infra", "schemas", "services", "package.json"];

/**
 * @param folder for the copy
 * @returns its services/cli/main.ts
 * @throws Error when a patch does not fit any more: then it has to be written anew, or the control shows nothing
 */
export async function mutant(folder: string, patches: readonly Patch[]): Promise<string> {
  for (const name of sources) await cp(join(root, name), join(folder, name), { recursive: true });
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  for (const { file, find, replace } of patches) {
    const text = await readFile(join(folder, file), "utf8");
    const times = text.split(find).length - 1;
    if (times !== 1) throw new Error(`${file} has the text that a control takes out ${times} times, and must have it once: ${find}`);
    await writeFile(
      join(folder, file),
      text.replace(find, () => replace),
    );
  }
  return join(folder, "services/cli/main.ts");
}
