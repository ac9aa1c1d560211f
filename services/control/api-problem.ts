/**
 * What the HTTP API says when it cannot do what it was asked for: a problem document with our code, message and cure. An answer that only says 500 is what on-call has to guess at.
 *
 * Pure. Source: RFC 9457, "Problem Details for HTTP APIs".
 */
import { z } from "zod";
import { asOfftakeError, OfftakeError } from "../runtime/errors.ts";
import type { ErrorCode } from "../runtime/error-codes.ts";

export const problemType = "application/problem+json";

/** Statuses that an operation may end with besides its own. */
export const problemStatuses = {
  400: "refused as it is",
  401: "without a key",
  403: "not with this role",
  404: "not there",
  409: "not possible as things are",
  413: "too large",
  415: "no JSON",
  429: "too many requests",
  500: "a fault of Offtake",
  503: "a server is away",
} as const;
export type ProblemStatus = keyof typeof problemStatuses;

export const problemSchema = z
  .strictObject({
    type: z.string().describe("urn:offtake:error:<code>"),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe("As in services/runtime/error-codes.ts."),
    cure: z.string(),
  })
  .meta({ id: "Problem", description: "What is wrong, and what to do about it." });

export type Problem = z.infer<typeof problemSchema>;

const statuses: Partial<Record<ErrorCode, ProblemStatus>> = {
  API_REQUEST_INVALID: 400,
  USAGE: 400,
  API_KEY_NEEDED: 401,
  API_ROLE_TOO_LOW: 403,
  API_NOT_FOUND: 404,
  API_TOO_MANY_REQUESTS: 429,
  CONTROL_NOT_PREPARED: 503,
  CONTROL_REFUSED: 503,
  DASHBOARD_UNAVAILABLE: 503,
  TARGET_BUSY: 503,
  INTERNAL: 500,
};

export function problemOf(thrown: unknown): Problem {
  const error = fromServer(thrown) ?? asOfftakeError(thrown);
  const status = fromServer(thrown) === undefined ? statusOf(error.code) : statusOfServer(thrown);
  const { code, message, cure } = error;
  return { type: `urn:offtake:error:${code}`, title: problemStatuses[status], status, detail: message, code, cure };
}

function statusOf(code: ErrorCode): ProblemStatus {
  return statuses[code] ?? (code.endsWith("_UNREACHABLE") ? 503 : 409);
}

/** What the HTTP server itself refuses: a body that is no JSON, one that is too large. */
function fromServer(thrown: unknown): OfftakeError | undefined {
  if (thrown instanceof OfftakeError || !(thrown instanceof Error)) return undefined;
  const status = statusIn(thrown);
  return status === undefined || status >= 500
    ? undefined
    : new OfftakeError("API_REQUEST_INVALID", thrown.message, { cause: thrown, cure: curesOfServer[status] ?? "" });
}

const curesOfServer: Readonly<Record<number, string>> = {
  400: "Send a body that is JSON, or none.",
  413: "Name fewer tables at a time.",
  415: "Send the body as JSON, with `content-type: application/json`, or send none.",
};

function statusOfServer(thrown: unknown): ProblemStatus {
  const status = statusIn(thrown);
  return status === 413 || status === 415 || status === 404 ? status : 400;
}

function statusIn(thrown: unknown): number | undefined {
  return thrown instanceof Error && "statusCode" in thrown && typeof thrown.statusCode === "number" ? thrown.statusCode : undefined;
}
