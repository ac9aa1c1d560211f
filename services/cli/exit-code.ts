/** What a process's exit says of its error: scripts branch on it. */
import type { OfftakeError } from "../runtime/errors.ts";
import { ExitCode } from "./terminal.ts";

const usage: ReadonlySet<string> = new Set(["CONFIG_INVALID", "CONFIG_MISSING", "NOT_IN_THIS_VERSION", "NEEDS_CLONE", "USAGE", "TABLES_UNRESOLVED"]);

export function exitCodeOf(error: OfftakeError): ExitCode {
  if (usage.has(error.code)) return ExitCode.usage;
  if (error.code.endsWith("_UNREACHABLE")) return ExitCode.unreachable;
  return ExitCode.failed;
}
