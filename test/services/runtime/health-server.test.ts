import { once } from "node:events";
import { connect } from "node:net";
import { Registry } from "prom-client";
import { afterEach, describe, expect, test } from "vitest";
import { startHealthServer, type HealthServer, type Readiness } from "../../../services/runtime/health-server.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";

const open: HealthServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function started(
  readiness: () => readonly Readiness[] = () => [],
  port = 0,
  host = "127.0.0.1",
  metrics = createMetrics("1.2.3"),
): Promise<HealthServer> {
  const server = await startHealthServer({ host, port, metrics, readiness });
  open.push(server);
  return server;
}

async function get({ port }: HealthServer, path: string, init?: RequestInit): Promise<{ status: number; type: string | null; body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return { status: response.status, type: response.headers.get("content-type"), body: await response.text() };
}

describe("answers", () => {
  test("/healthz: the process lives, whatever its units do", async () => {
    const server = await started(() => [{ unit: "applier api", ready: false, reason: "TARGET_DOWN" }]);
    expect(await get(server, "/healthz")).toEqual({ status: 200, type: "application/json", body: '{"alive":true}\n' });
  });

  test("/readyz: 200 when every unit is ready, else 503, with the reasons", async () => {
    const units: Readiness[] = [{ unit: "connector api", ready: true }];
    const server = await started(() => units);
    expect(await get(server, "/readyz")).toMatchObject({ status: 200, body: '{"ready":true,"units":[{"unit":"connector api","ready":true}]}\n' });
    units.push({ unit: "applier api", ready: false, reason: "the target is down" });
    const { status, body } = await get(server, "/readyz?verbose");
    expect(status).toBe(503);
    expect(JSON.parse(body)).toEqual({ ready: false, units });
  });

  test("/readyz: a process that does nothing yet is not ready", async () => {
    expect(await get(await started(), "/readyz")).toMatchObject({ status: 503, body: '{"ready":false,"units":[]}\n' });
  });

  test("/metrics: what the registry holds, and which units do their work, as they are just then", async () => {
    const metrics = createMetrics("1.2.3");
    metrics.slotActive.set({ connector: "api" }, 1);
    const units: Readiness[] = [
      { unit: "connector api", ready: true },
      { unit: "applier api", ready: false },
    ];
    const server = await started(() => units, 0, "127.0.0.1", metrics);
    const { status, type, body } = await get(server, "/metrics");
    expect([status, type]).toEqual([200, Registry.PROMETHEUS_CONTENT_TYPE]);
    expect(body).toContain('offtake_slot_active{connector="api"} 1');
    expect(body).toContain('offtake_unit_ready{unit="connector api"} 1');
    expect(body).toContain('offtake_unit_ready{unit="applier api"} 0');
    units[1] = { unit: "applier api", ready: true };
    expect((await get(server, "/metrics")).body).toContain('offtake_unit_ready{unit="applier api"} 1');
  });

  test("what is not there, and what may not be done", async () => {
    const server = await started();
    expect(await get(server, "/")).toEqual({
      status: 404,
      type: "application/problem+json",
      body: '{"status":404,"detail":"Here are /healthz, /readyz and /metrics."}\n',
    });
    expect(await get(server, "/healthz", { method: "POST" })).toMatchObject({ status: 405 });
    expect(await get(server, "/healthz", { method: "HEAD" })).toEqual({ status: 200, type: "application/json", body: "" });
  });

  test("a readiness that throws is an answer, not the end of the process", async () => {
    const server = await started(() => {
      throw new Error("no unit knows");
    });
    expect(await get(server, "/readyz")).toMatchObject({ status: 500, body: '{"status":500,"detail":"no unit knows"}\n' });
    expect(await get(server, "/healthz")).toMatchObject({ status: 200 });
  });
});

describe("the address", () => {
  test("a port that is taken is an error that names it and the cure", async () => {
    const { port } = await started();
    await expect(started(undefined, port)).rejects.toMatchObject({
      code: "HTTP_PORT_IN_USE",
      message: expect.stringContaining(`Port ${port} of 127.0.0.1`),
      cure: expect.stringContaining("--http-port"),
    });
  });

  test("a host of another machine", async () => {
    // 192.0.2.0/24 is for documentation: no machine has it.
    await expect(started(undefined, 0, "192.0.2.1")).rejects.toMatchObject({
      code: "HTTP_ADDRESS_REFUSED",
      message: expect.stringContaining("192.0.2.1"),
    });
  });

  test("a port that was closed can be opened again", async () => {
    const server = await started();
    await server.close();
    expect((await started(undefined, server.port)).port).toBe(server.port);
  });
});

describe("close", () => {
  test("ends connections that are kept alive, or in the middle of a request", async () => {
    const server = await started();
    const idle = connect(server.port, "127.0.0.1");
    idle.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(idle, "data");
    const half = connect(server.port, "127.0.0.1");
    half.write("GET /healthz HTTP/1.1\r\nHost");
    // Accepted, once the server has answered a later one.
    await get(server, "/healthz");
    const ended = Promise.all([once(idle.resume(), "close"), once(half.resume(), "close")]);
    half.on("error", () => {});
    await server.close();
    await ended;
    await expect(get(server, "/healthz")).rejects.toThrow("fetch failed");
  });

  test("twice is once", async () => {
    const server = await started();
    await Promise.all([server.close(), server.close()]);
    await expect(server.close()).resolves.toBeUndefined();
  });
});
