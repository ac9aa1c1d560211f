/**
 * Which offtake.yaml a command works on.
 *
 * A command that works on another file than its user thinks carves up another monolith. So there are three places in a fixed order, and a file
 * that was named is never passed over for one that was not.
 */
import { existsSync } from "node:fs";
import { OfftakeError } from "./errors.ts";

/**
 * The value of --config, else OFFTAKE_CONFIG, else ./offtake.yaml.
 *
 * @param option the value of --config
 * @throws OfftakeError CONFIG_MISSING, which says where it looked
 */
export function findConfiguration(option: string | undefined, env: NodeJS.ProcessEnv, exists: (path: string) => boolean = existsSync): string {
  const variable = env["OFFTAKE_CONFIG"] ?? "";
  const [file, origin] = option !== undefined ? [option, "--config"] : variable !== "" ? [variable, "OFFTAKE_CONFIG"] : ["offtake.yaml", undefined];
  if (exists(file)) return file;
  if (origin !== undefined) throw new OfftakeError("CONFIG_MISSING", `The file ${file} that ${origin} names does not exist.`);
  throw new OfftakeError("CONFIG_MISSING", `There is no configuration: no --config, no OFFTAKE_CONFIG, and no ./offtake.yaml in ${process.cwd()}.`, {
    cure: "Name one with --config, or change to the folder that has it; `offtake init` writes one.",
  });
}
