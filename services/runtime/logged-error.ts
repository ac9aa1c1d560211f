/**
 * An error as the log shows it: code, message, cure, stack, and the same of what caused it.
 *
 * Properties that libraries hang on their errors are left out: the URL that could not be parsed, password included, is one of Node's.
 *
 * Pure.
 */
import { messageOf, OfftakeError } from "./errors.ts";

export interface LoggedError {
  readonly code?: string;
  readonly message: string;
  readonly cure?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

/** Causes are followed so far; an error may be its own cause. */
const longestChain = 8;

export function loggedError(error: unknown, depth = 1): LoggedError {
  if (!(error instanceof Error)) return { message: messageOf(error) };
  const code = codeOf(error);
  return {
    ...(code === undefined ? {} : { code }),
    message: messageOf(error),
    ...(error instanceof OfftakeError && error.cure !== "" ? { cure: error.cure } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.cause === undefined || depth === longestChain ? {} : { cause: loggedError(error.cause, depth + 1) }),
  };
}

/** Ours, Node's (ECONNREFUSED) or PostgreSQL's (SQLSTATE); all are texts. */
function codeOf(error: Error): string | undefined {
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}
