/**
 * As much of a container engine as one server needs: Docker's API over HTTP, with one container, which is an HTTP server that answers everything with `[]`.
 * It shows what is asked of an engine, in which order; not what a real one would do with it.
 *
 * Source: Docker Engine API, v1.44: Containers, Exec, Images, System.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { z } from "zod";

const creation = z.object({
  Image: z.string(),
  Env: z.array(z.string()),
  Labels: z.record(z.string(), z.string()),
  HostConfig: z.object({ PortBindings: z.record(z.string(), z.array(z.object({ HostPort: z.string() }))) }),
});

export class SmallEngine implements AsyncDisposable {
  /** Verb, path and query of what changed something, in order. */
  readonly asked: string[] = [];
  /** What the container was to be. */
  created: z.infer<typeof creation> | undefined;
  /** Whether what is started ends at once, as a server with a wrong setting does. */
  failing = false;
  readonly #api: Server;
  readonly #ends: (() => void)[] = [];
  #inside: Server | undefined;

  private constructor() {
    this.#api = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<SmallEngine> {
    const engine = new SmallEngine();
    engine.#api.listen(0, "127.0.0.1");
    await once(engine.#api, "listening");
    return engine;
  }

  /** For DOCKER_HOST. */
  get address(): string {
    const address = this.#api.address();
    return `tcp://127.0.0.1:${isTcp(address) ? address.port : 0}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    this.#api.closeAllConnections();
    this.#api.close();
    await once(this.#api, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    const path = url.replace(/^\/v[\d.]+/, "");
    const body = await text(request);
    const json = (value: unknown, code = 200): void =>
      void response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(value));
    const done = (): void => void response.writeHead(204).end();
    const changes = /^\/containers\/c1(\/(?:start|kill|stop))?(\?.*)?$/.exec(path);
    if (changes !== null && method !== "GET") this.asked.push(`${method} ${changes[1] ?? ""}${changes[2] ?? ""}`);
    if (path === "/info") json({ OperatingSystem: "small", Labels: [] });
    else if (path.startsWith("/images/")) json({ Id: "i1", Config: {} });
    else if (path.startsWith("/containers/json")) json(path.includes("offtake.start") ? [{ Id: "c1" }] : []);
    else if (path.startsWith("/containers/create")) {
      this.created = creation.parse(JSON.parse(body));
      json({ Id: "c1", Warnings: [] }, 201);
    } else if (path === "/containers/c1/start") {
      if (!this.failing) await this.#begin();
      done();
    } else if (/^\/containers\/c1\/(kill|stop)/.test(path)) {
      await this.#end();
      done();
    } else if (path === "/containers/c1/wait") {
      if (this.#inside === undefined) json({ StatusCode: 137 });
      else this.#ends.push(() => json({ StatusCode: 137 }));
    } else if (path === "/containers/c1/json") json(this.#inspection());
    else if (path.startsWith("/containers/c1/logs")) response.end("a setting that it does not know\n");
    else if (path === "/containers/c1/exec") json({ Id: "e1" }, 201);
    else if (path === "/exec/e1/start") response.end();
    else if (path === "/exec/e1/json") json({ ExitCode: 0, Running: false });
    else if (method === "DELETE") done();
    else json({ message: `not in this engine: ${path}` }, 404);
  }

  async #begin(): Promise<void> {
    const [binding] = Object.values(this.created!.HostConfig.PortBindings);
    this.#inside = createServer((_request, response) => void response.end("[]"));
    this.#inside.listen(Number(binding![0]!.HostPort), "127.0.0.1");
    await once(this.#inside, "listening");
  }

  async #end(): Promise<void> {
    const inside = this.#inside;
    if (inside === undefined) return;
    this.#inside = undefined;
    inside.closeAllConnections();
    inside.close();
    await once(inside, "close");
    for (const tell of this.#ends.splice(0)) tell();
  }

  #inspection(): unknown {
    const { Image, Labels, HostConfig } = this.created!;
    const running = this.#inside !== undefined;
    const ports = Object.entries(HostConfig.PortBindings).map(([port, bindings]) => [port, bindings.map((each) => ({ HostIp: "0.0.0.0", ...each }))]);
    return {
      Id: "c1",
      Name: "/c1",
      Config: { Hostname: "c1", Image, Labels },
      State: { Running: running, Status: running ? "running" : "exited", StartedAt: "2026-01-01T00:00:00Z", FinishedAt: "0001-01-01T00:00:00Z" },
      NetworkSettings: { Ports: running ? Object.fromEntries(ports) : {}, Networks: {} },
    };
  }
}

function isTcp(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === "object" && address !== null;
}
