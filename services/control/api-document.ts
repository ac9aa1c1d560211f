/**
 * The API's description, made of its routes: what is said of an operation there and what the server checks cannot differ. It is committed as docs/openapi.json, so that a change of it is
 * seen by whoever reviews it.
 *
 * Pure. Source: OpenAPI Specification 3.1.
 */
import { z } from "zod";
import type { Route } from "./api-route.ts";
import { routes } from "./api-routes.ts";
import { type ProblemStatus, problemSchema, problemStatuses, problemType } from "./api-problem.ts";

export const apiPrefix = "/api/v1";

type Json = Readonly<Record<string, unknown>>;

/** @param version of Offtake */
export function apiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) paths[pathOf(route)] = { ...paths[pathOf(route)], [route.method.toLowerCase()]: operationOf(route) };
  paths[`${apiPrefix}/events`] = { get: eventsOperation };
  paths[`${apiPrefix}/openapi.json`] = { get: documentOperation };
  return {
    openapi: "3.1.0",
    info: {
      title: "Offtake",
      version,
      description: "One installation: its services, connectors, jobs, mismatches, dead letters and audit.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer", description: "A key of http.apiKeys: `offtake config api-key`." } },
      responses: namedProblems(),
      schemas: namedSchemas(),
    },
  };
}

function pathOf({ path }: Route): string {
  return apiPrefix + path.replaceAll(/:(\w+)/g, "{$1}");
}

function operationOf({ method, path, summary, role, params, query, body, status, answer }: Route): Json {
  const hasBody = Object.keys(body.shape).length > 0;
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[/:-]+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    description: `Needs the role ${role}.`,
    parameters: [...parametersOf("path", params), ...parametersOf("query", query)],
    ...(hasBody
      ? { requestBody: { required: body.safeParse({}).error !== undefined, content: { "application/json": { schema: schemaOf(body, "input") } } } }
      : {}),
    responses: {
      [status]: { description: "Done.", content: { "application/json": { schema: schemaOf(answer, "output") } } },
      ...problems(problemsOf(method)),
    },
  };
}

function problemsOf(method: Route["method"]): ProblemStatus[] {
  return method === "GET" ? [400, 401, 403, 404, 409, 429, 500, 503] : [400, 401, 403, 404, 409, 413, 415, 429, 500, 503];
}

function namedProblems(): Json {
  const content = { [problemType]: { schema: { $ref: "#/components/schemas/Problem" } } };
  return Object.fromEntries(Object.entries(problemStatuses).map(([status, description]) => [`Problem${status}`, { description, content }]));
}

function problems(statuses: readonly ProblemStatus[]): Json {
  return Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]));
}

const eventsOperation: Json = {
  operationId: "getEvents",
  summary: "What changes, as it changes: server-sent events.",
  description:
    "Needs the role viewer. The first event is `status`, with all that GET /status has; those behind it are `patch`, with the name of each service that has changed and those of its fields that have, and `units` and `validation` where they have. With Last-Event-ID of this process what was missed comes first.",
  parameters: [{ name: "Last-Event-ID", in: "header", required: false, schema: { type: "string" } }],
  responses: {
    200: { description: "It goes on until one of the two ends it.", content: { "text/event-stream": { schema: { type: "string" } } } },
    ...problems([401, 403, 429, 500, 503]),
  },
};

const documentOperation: Json = {
  operationId: "getOpenapiJson",
  summary: "This document.",
  description: "Needs no key.",
  security: [],
  parameters: [],
  responses: { 200: { description: "OpenAPI 3.1.", content: { "application/json": { schema: { type: "object" } } } }, ...problems([429, 500]) },
};

function parametersOf(place: "path" | "query", schema: z.ZodObject): Json[] {
  return Object.entries(schema.shape).map(([name, each]) => {
    const type = each instanceof z.ZodType ? each : z.unknown();
    return { name, in: place, required: place === "path" || type.safeParse(undefined).error !== undefined, schema: schemaOf(type, "input") };
  });
}

function schemaOf(type: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, $defs: __, ...schema } = z.toJSONSchema(type, { io });
  return referring(schema);
}

/** Named types of answers, each once. */
function namedSchemas(): Json {
  const named: Record<string, unknown> = {};
  for (const { answer } of [...routes, { answer: problemSchema }]) {
    const { $defs = {}, $ref: _, $schema: __, ...own } = z.toJSONSchema(answer, { io: "output" });
    const name = answer.meta()?.id;
    if (name !== undefined) named[name] = referring(Object.keys(own).length === 0 ? { ...$defs[name] } : own);
    for (const [each, schema] of Object.entries($defs)) named[each] = referring({ ...schema });
  }
  return Object.fromEntries(Object.entries(named).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Where JSON Schema refers to its own definitions, OpenAPI refers to its components. */
function referring(schema: object): Json {
  const text = JSON.stringify(schema, (key, value: unknown) => (key === "id" && typeof value === "string" ? undefined : value));
  const replaced: Json = JSON.parse(text.replaceAll("#/$defs/", "#/components/schemas/"));
  return replaced;
}
