/**
 * The HTTP API: who asks, whether they may, and the operation behind the route. Whoever gets past a check here can pause a service or drop an event, so that each route goes through the same
 * ones, in the same order: how often, then whose key, then which role, then what was asked for.
 *
 * CORS is off: no page of another origin may read what it answers.
 */
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { RequestListener } from "node:http";
import { OfftakeError } from "../runtime/errors.ts";
import type { Log } from "../runtime/log.ts";
import { apiDocument, apiPrefix } from "./api-document.ts";
import { EventFeed, tellerOf } from "./api-events.ts";
import { type ApiKey, holderOf, mayDo, type Role } from "./api-keys.ts";
import { problemOf, problemType } from "./api-problem.ts";
import { routes } from "./api-routes.ts";
import type { DashboardBundle } from "./dashboard-bundle.ts";
import { addDashboard } from "./dashboard-routes.ts";
import type { Operations } from "./operations.ts";

export interface ApiOptions {
  readonly operations: Operations;
  readonly keys: readonly ApiKey[];
  readonly version: string;
  readonly log: Log;
  /** Asked when somebody opens the dashboard. */
  readonly dashboard: () => Promise<DashboardBundle>;
  /** Requests a minute from one address. */
  readonly requestsPerMinute?: number;
}

export interface Api {
  readonly handle: RequestListener;
  close: () => Promise<void>;
}

const bodyLimit = 256 * 1024;

export async function createApi({ operations, keys, version, log, dashboard, requestsPerMinute = 600 }: ApiOptions): Promise<Api> {
  const app = fastify({ bodyLimit, routerOptions: { maxParamLength: 300 } });
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { "default-src": ["'none'"], "frame-ancestors": ["'none'"] } },
    referrerPolicy: { policy: "no-referrer" },
  });
  await app.register(rateLimit, { max: requestsPerMinute, timeWindow: 60_000, errorResponseBuilder: tooMany });
  app.addHook("onSend", async (_, reply) => void (reply.hasHeader("cache-control") || reply.header("cache-control", "no-store")));
  app.removeContentTypeParser("text/plain");
  app.setErrorHandler((error, _, reply) => refuse(reply, error, log));
  // Who tries what there is not is counted, too.
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (_, reply) =>
    refuse(reply, new OfftakeError("API_NOT_FOUND", "There is no such operation.", { cure: `GET ${apiPrefix}/openapi.json lists them.` }), log),
  );
  const feed = new EventFeed(operations.status);
  addRoutes(app, operations, keys);
  addEvents(app, feed, keys);
  addDashboard(app, dashboard);
  const document = apiDocument(version);
  app.get(`${apiPrefix}/openapi.json`, async () => document);
  await app.ready();
  return {
    handle: (request, response) => app.routing(request, response),
    close: async () => {
      await feed.close();
      await app.close();
    },
  };
}

function addRoutes(app: FastifyInstance, operations: Operations, keys: readonly ApiKey[]): void {
  for (const { method, path, role, status, handle } of routes) {
    app.route({
      method,
      url: apiPrefix + path,
      // Before its body is read, and behind the rate limit.
      preParsing: async (request) => void holder(request, keys, role),
      handler: async (request, reply) => {
        const { params, query, body } = request;
        const key = holder(request, keys, role);
        const answer = await handle({ params, query, body, who: `api key ${key.name}`, key }, operations);
        return reply.code(status).send(answer);
      },
    });
  }
}

function addEvents(app: FastifyInstance, feed: EventFeed, keys: readonly ApiKey[]): void {
  app.get(`${apiPrefix}/events`, { preParsing: async (request) => void holder(request, keys, "viewer") }, async (request, reply) => {
    if (feed.isFull)
      throw new OfftakeError("API_TOO_MANY_REQUESTS", "Too many listen already.", { cure: "Close some of the dashboards that are open." });
    const { "last-event-id": last } = request.headers;
    reply.header("content-type", "text/event-stream").header("cache-control", "no-store");
    const { raw } = reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    raw.writeHead(200);
    const end = await feed.listen(typeof last === "string" ? last : undefined, tellerOf(raw));
    if (raw.closed) end();
    else raw.once("close", end);
  });
}

/** @throws OfftakeError API_KEY_NEEDED, API_ROLE_TOO_LOW */
function holder({ headers }: FastifyRequest, keys: readonly ApiKey[], role: Role): ApiKey {
  const found = holderOf(headers.authorization, keys);
  if (found === undefined)
    throw new OfftakeError("API_KEY_NEEDED", "The request has no key that is known.", {
      cure: "Send `Authorization: Bearer <key>`; `offtake config api-key` makes one.",
    });
  if (!mayDo(found.role, role))
    throw new OfftakeError("API_ROLE_TOO_LOW", `The key ${found.name} is a ${found.role}'s, and this needs the role ${role}.`, {
      cure: "Use another key.",
    });
  return found;
}

function tooMany(): OfftakeError {
  return new OfftakeError("API_TOO_MANY_REQUESTS", "Too many requests from this address.", { cure: "Wait a minute." });
}

function refuse(reply: FastifyReply, thrown: unknown, log: Log): FastifyReply {
  const problem = problemOf(thrown);
  if (problem.status === 500) log.error({ err: thrown }, "a request failed");
  return reply.code(problem.status).type(problemType).send(JSON.stringify(problem));
}
