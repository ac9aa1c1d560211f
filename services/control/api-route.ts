/** One operation of the HTTP API: everything that is said of it, checked of it and done for it, in one place. */
import type { z } from "zod";
import { OfftakeError } from "../runtime/errors.ts";
import type { ApiKey, Role } from "./api-keys.ts";
import type { Operations } from "./operations.ts";

export interface RouteRequest<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Whose key it came with, as the audit has it. */
  readonly who: string;
  readonly key: Pick<ApiKey, "name" | "role">;
}

export interface RouteDefinition<Params extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodObject> {
  readonly method: "GET" | "POST";
  /** Below /api/v1, as `/services/:service`. */
  readonly path: string;
  readonly role: Role;
  /** What it does, for people who read the document. */
  readonly summary: string;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly status: 200 | 202;
  readonly answer: z.ZodType;
  readonly handle: (request: RouteRequest<z.output<Params>, z.output<Query>, z.output<Body>>, operations: Operations) => Promise<unknown>;
}

export interface Route extends Omit<RouteDefinition<z.ZodObject, z.ZodObject, z.ZodObject>, "handle"> {
  /** @throws OfftakeError API_REQUEST_INVALID, and of the operation */
  readonly handle: (request: RouteRequest<unknown, unknown, unknown>, operations: Operations) => Promise<unknown>;
}

export function route<Params extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodObject>(
  definition: RouteDefinition<Params, Query, Body>,
): Route {
  const { params, query, body, handle } = definition;
  return {
    ...definition,
    handle: async (request, operations) => {
      const checked = {
        params: checkedPart(params, request.params),
        query: checkedPart(query, request.query),
        body: checkedPart(body, request.body ?? {}),
        who: request.who,
        key: request.key,
      };
      // A change of which nobody could say afterwards who made it is not made.
      if (definition.method === "POST") await operations.changeable();
      return handle(checked, operations);
    },
  };
}

function checkedPart<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const what = error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`)).join("; ");
  throw new OfftakeError("API_REQUEST_INVALID", `The request is not as it should be: ${what}.`, {
    cure: "GET /api/v1/openapi.json says what it takes.",
  });
}
