/**
 * The small HTTP server of every process: /healthz, /readyz, /metrics.
 *
 * A supervisor restarts what does not answer /healthz and sends no traffic to what is not ready. So /healthz says only that the process lives:
 * were it to look at Kafka or a database, an outage there would restart every process here, again and again. /readyz says for each unit of work
 * (a connector, an applier) whether it does its work, and if not why.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { messageOf, OfftakeError } from "./errors.ts";
import type { Metrics } from "./metrics.ts";

/** Whether one unit of work does its work. */
export interface Readiness {
  /** Such as `connector trading` or `applier trading-engine`. */
  readonly unit: string;
  readonly ready: boolean;
  /** Why not, or what it is doing. */
  readonly reason?: string;
}

export interface HealthServer {
  readonly host: string;
  /** The one it got, where 0 was asked for. */
  readonly port: number;
  /** Ends all connections, those with a request under way too. */
  close(): Promise<void>;
}

export interface HealthServerOptions {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  readonly metrics: Pick<Metrics, "registry" | "unitReady">;
  /** Asked at every request. A process without any unit is not ready. */
  readonly readiness: () => readonly Readiness[];
  /** Answers what is not /healthz, /readyz and /metrics. */
  readonly rest?: RequestListener | undefined;
}

/** @throws OfftakeError HTTP_PORT_IN_USE, HTTP_ADDRESS_REFUSED */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { host, port } = options;
  const server = createServer((request, response) => {
    if (options.rest !== undefined && !isOwn(request)) return options.rest(request, response);
    answer(request, options).then(
      (reply) => send(response, request, reply),
      (error: unknown) => send(response, request, problem(500, messageOf(error))),
    );
  });
  await listening(server, host, port);
  const address = server.address();
  return {
    host,
    port: typeof address === "object" && address !== null ? address.port : port,
    close: async () => {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      // A scraper's keep-alive connection would hold the process for as long as it likes.
      server.closeAllConnections();
      await closed;
    },
  };
}

function isOwn({ url = "/" }: IncomingMessage): boolean {
  return ["/healthz", "/readyz", "/metrics"].includes(url.split("?")[0]!);
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function answer({ method, url = "/" }: IncomingMessage, { metrics, readiness }: HealthServerOptions): Promise<Reply> {
  if (method !== "GET" && method !== "HEAD") return problem(405, "Only GET and HEAD.");
  const [path] = url.split("?");
  if (path === "/healthz") return json(200, { alive: true });
  if (path === "/readyz") {
    const units = readiness();
    const ready = units.length > 0 && units.every((unit) => unit.ready);
    return json(ready ? 200 : 503, { ready, units });
  }
  if (path === "/metrics") {
    for (const { unit, ready: works } of readiness()) metrics.unitReady.set({ unit }, works ? 1 : 0);
    return { status: 200, type: metrics.registry.contentType, body: await metrics.registry.metrics() };
  }
  return problem(404, "Here are /healthz, /readyz and /metrics.");
}

function json(status: number, body: object): Reply {
  return { status, type: "application/json", body: `${JSON.stringify(body)}\n` };
}

/** RFC 9457. */
function problem(status: number, detail: string): Reply {
  return { status, type: "application/problem+json", body: `${JSON.stringify({ status, detail })}\n` };
}

function send(response: ServerResponse, { method }: IncomingMessage, { status, type, body }: Reply): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    ...(status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(method === "HEAD" ? undefined : body);
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // Stays: an error event that nobody listens to, later on, would end the process.
    server.on("error", (error) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
}

function listenError(error: Error & { readonly code?: string }, host: string, port: number): OfftakeError {
  if (error.code === "EADDRINUSE")
    return new OfftakeError("HTTP_PORT_IN_USE", `Port ${port} of ${host} is taken, most likely by another Offtake.`, {
      cure: "Stop it, or give this one another port with --http-port or `http.port`; 0 takes a free one.",
      cause: error,
    });
  return new OfftakeError("HTTP_ADDRESS_REFUSED", `Cannot listen on port ${port} of ${host}: ${messageOf(error)}.`, {
    cure: "Mend `http.host` and `http.port` in the configuration, or --http-port.",
    cause: error,
  });
}
