import type { Configuration } from "../runtime/configuration.ts";
import type { ExitCode, Terminal } from "./terminal.ts";

/** What a command works with, once the configuration is read. */
export interface Opened {
  readonly terminal: Terminal;
  readonly configuration: Configuration;
}

/** Reads the configuration that the command line names. @throws OfftakeError CONFIG_MISSING, CONFIG_INVALID and the like */
export type Open = () => Opened;

/** Sets the exit code of the process. */
export type Leave = (code: ExitCode) => void;
