/**
 * An error as the log shows it: code, message, cure, stack, and the same of what caused it.
 *
 * What a server or a library says may have a secret of ours in it, which is taken out (known-secrets.ts). Properties that libraries hang on their errors are left out: the URL that could not be parsed, password included, is one of Node's.
 *
 * Pure.
 */
import { messageOf, OfftakeError } from "./errors.ts";
import { withoutKnownSecrets } from "./known-secrets.ts";

export interface LoggedError {
  readonly code?: string;
  readonly message: string;
  readonly cure?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

/** Causes are followed so far; an error may be its own cause. */
const longestChain = 8;

/**
 * A server that is away is nobody's fault in the code: the stacks of such an error say nothing, and are the longest lines of the log when it is read.
 */
export function loggedError(error: unknown): LoggedError {
  const away = error instanceof OfftakeError && error.code.endsWith("_UNREACHABLE") && isOfTheNetwork(error, 1);
  return chained(error, !away, 1);
}

function chained(error: unknown, stacks: boolean, depth: number): LoggedError {
  if (!(error instanceof Error)) return { message: withoutKnownSecrets(messageOf(error)) };
  const code = codeOf(error);
  return {
    ...(code === undefined ? {} : { code }),
    message: withoutKnownSecrets(messageOf(error)),
    ...(error instanceof OfftakeError && error.cure !== "" ? { cure: error.cure } : {}),
    ...(stacks && error.stack !== undefined ? { stack: withoutKnownSecrets(error.stack) } : {}),
    ...(error.cause === undefined || depth === longestChain ? {} : { cause: chained(error.cause, stacks, depth + 1) }),
  };
}

/** Whether it ends in what a network says, or in nothing: then it is one of Offtake's own findings. Anything else keeps its stack. */
function isOfTheNetwork(error: unknown, depth: number): boolean {
  if (!(error instanceof Error) || depth > longestChain) return false;
  const parts: unknown[] = error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  if (parts.length === 0)
    return error instanceof OfftakeError || networkCodes.has(codeOf(error) ?? "") || error.message.startsWith("Connection terminated");
  return parts.every((part) => isOfTheNetwork(part, depth + 1));
}

/** Node's, the Kafka client's, and PostgreSQL's for a server that is shutting down or starting up. */
const networkCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "PLT_KFK_NETWORK",
  "PLT_KFK_TIMEOUT",
  "57P01",
  "57P02",
  "57P03",
]);

/** Ours, Node's (ECONNREFUSED) or PostgreSQL's (SQLSTATE); all are texts. */
function codeOf(error: Error): string | undefined {
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}
