/**
 * The one error class of Offtake.
 *
 * An error that reaches a person carries three things: a code that can be searched for and alerted on, a message that names the place
 * (service, table, key, position), and the cure. An error that reaches a loop carries a fourth: whether trying again can help.
 */
import { errorCodes, type ErrorCode, type Retry } from "./error-codes.ts";
import { withoutKnownSecrets } from "./known-secrets.ts";

export class OfftakeError extends Error {
  override readonly name = "OfftakeError";
  readonly code: ErrorCode;
  readonly retry: Retry;
  /** What to do, as a sentence or a command. Empty where the message says it already. */
  readonly cure: string;

  /**
   * @param code one of error-codes.ts, whose comment there is the operator's manual
   * @param message what happened and where, without the cure
   */
  constructor(code: ErrorCode, message: string, options: { cure?: string; cause?: unknown } = {}) {
    // It may quote a server, a proxy or a library, and goes to logs, answers and dead letters.
    super(withoutKnownSecrets(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = errorCodes[code];
    this.cure = withoutKnownSecrets(options.cure ?? "");
  }

  /** Code, message and cure on one line, as logs and terminals show it. */
  get line(): string {
    return `${this.code}: ${this.message}${this.cure === "" ? "" : ` ${this.cure}`}`;
  }
}

/** The error as ours: itself, or wrapped as INTERNAL, since an error without a code is a fault of Offtake. */
export function asOfftakeError(error: unknown): OfftakeError {
  if (error instanceof OfftakeError) return error;
  return new OfftakeError("INTERNAL", messageOf(error), { cause: error, cure: "This is a fault of Offtake: please report it with the log." });
}

/** @param before what was not finished, as in "the topic was read" */
export function interrupted(before: string): OfftakeError {
  return new OfftakeError("INTERRUPTED", `Stopped before ${before}.`, { cure: "What was done stays as it is: run it again." });
}

/** The message of anything thrown. An AggregateError of Node (ECONNREFUSED on ::1 and 127.0.0.1) has an empty message and says it in its parts. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  if (error instanceof Error) return error.message;
  return String(error);
}
