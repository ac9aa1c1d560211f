/**
 * Every error code of Offtake, with the comment that an operator reads at three in the morning.
 *
 * - `yes`: Offtake tries again by itself, with backoff; somebody should look when it lasts.
 * - `operator`: it stops what it was doing and looks again every half minute, so that it goes on by itself once somebody has mended the cause.
 * - `no`: trying again cannot help; the process ends.
 */
export type Retry = "yes" | "no" | "operator";

export const errorCodes = {
  // --- Configuration and usage -------------------------------------------------------------------------------------------------------

  /** offtake.yaml has faults; each is listed with line and column. Mend them and start again. */
  CONFIG_INVALID: "no",
  /** No configuration file was found. Name one with --config or OFFTAKE_CONFIG, or write ./offtake.yaml. */
  CONFIG_MISSING: "no",
  /** A key or a command belongs to a later version. Remove it: it would have been ignored, and you would have believed it. */
  NOT_IN_THIS_VERSION: "no",
  /** Wrong command line. `offtake help <command>` shows what it takes. */
  USAGE: "no",
  /** A fault of Offtake itself. Please report it with the log. */
  INTERNAL: "no",
} as const satisfies Record<string, Retry>;

export type ErrorCode = keyof typeof errorCodes;
