/**
 * Requests of the page: with the key, below the page's own address, so that a proxy may serve it anywhere. What is refused is thrown with the code, the message and the cure of the problem document, since a page
 * that says "error 409" sends people to the logs.
 *
 * Source: docs/http-api.md; RFC 9457.
 */
import type { Trouble } from "./shown-status.ts";

export class ApiProblem extends Error {
  /** 0 where nobody answered. */
  readonly status: number;
  readonly trouble: Trouble;

  constructor(status: number, trouble: Trouble) {
    super(trouble.message);
    this.status = status;
    this.trouble = trouble;
  }
}

export interface ApiClient {
  /** @param path below /api/v1, without the first slash. @throws ApiProblem */
  get: <T>(path: string) => Promise<T>;
  /** @throws ApiProblem */
  post: <T>(path: string, body: object) => Promise<T>;
  /** The stream of events. @throws ApiProblem; what fetch() does where it is aborted */
  stream: (lastEventId: string, signal: AbortSignal) => Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}

/** @param key sent as it is. @param refused told where the key is not known any more */
export function apiClient(key: string, refused: (trouble: Trouble) => void): ApiClient {
  const ask = async (path: string, options: RequestInit, more: Readonly<Record<string, string>> = {}): Promise<Response> => {
    const headers = { ...more, authorization: `Bearer ${key}` };
    const response = await fetch(`api/v1/${path}`, { ...options, headers, cache: "no-store" }).catch((error: unknown) => {
      if (options.signal?.aborted === true) throw error;
      throw new ApiProblem(0, unreachable);
    });
    if (response.ok) return response;
    const body: unknown = await response.json().catch(() => undefined);
    // Half of an answer says nothing of who has given it.
    options.signal?.throwIfAborted();
    const trouble = troubleOf(response.status, body);
    if (response.status === 401) refused(trouble);
    throw new ApiProblem(response.status, trouble);
  };
  return {
    get: async <T>(path: string) => read<T>(await ask(path, {})),
    post: async <T>(path: string, body: object) =>
      read<T>(await ask(path, { method: "POST", body: JSON.stringify(body) }, { "content-type": "application/json" })),
    stream: async (lastEventId, signal) => {
      const { body } = await ask("events", { signal }, lastEventId === "" ? {} : { "last-event-id": lastEventId });
      if (body === null) throw new ApiProblem(0, unreachable);
      return body;
    },
  };
}

/** The page and the API are of one version: what the API's own tests hold is not looked at again here. */
async function read<T>(response: Response): Promise<T> {
  const answer: T = await response.json();
  return answer;
}

const unreachable: Trouble = {
  code: "PAGE_UNREACHABLE",
  message: "The control process does not answer.",
  cure: "Look whether `offtake run control` or `offtake run all` runs. Replication goes on without it.",
};

/** @param body of the answer; what stands before the control process may answer with no problem document at all */
function troubleOf(status: number, body: unknown): Trouble {
  const { code, detail, cure } = isObject(body) ? body : {};
  if (typeof code === "string" && typeof detail === "string") return { code, message: detail, cure: typeof cure === "string" ? cure : "" };
  return { code: `HTTP_${status}`, message: `The answer was ${status}, and not from Offtake.`, cure: "Look at the proxy before it." };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** What was thrown, as it is shown. */
export function troubleIn(error: unknown): Trouble {
  if (error instanceof ApiProblem) return error.trouble;
  return { code: "PAGE_FAULT", message: String(error), cure: "Load the page again; report it where that does not help." };
}
