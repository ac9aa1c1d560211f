import { afterAll, describe, expect, inject, test } from "vitest";
import fc from "fast-check";
import { jobs } from "../../../services/control/api-schemas.ts";
import { recordPass } from "../../../services/control/pass-history.ts";
import type { Report } from "../../../services/reconcile/report.ts";
import { apiPrefix } from "../../../services/control/api-document.ts";
import { mostListeners } from "../../../services/control/api-events.ts";
import { mayDo, roles } from "../../../services/control/api-keys.ts";
import { problemSchema, problemType } from "../../../services/control/api-problem.ts";
import { routes } from "../../../services/control/api-routes.ts";
import { withControl } from "../../../services/control/control-session.ts";
import type { Configuration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { waitFor } from "../../support/wait-for.ts";
import { fuzzedRequests } from "./fuzzed-requests.ts";
import { servedApi } from "./served-api.ts";

const servers = { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
const pipeline = await createPipeline("CREATE TABLE trades (id int8 PRIMARY KEY, note text)", { servers });
await pipeline.up();
const api = await servedApi(pipeline.configuration);
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await pipeline[Symbol.asyncDispose]();
});
const { keys } = api;

/** Everything that an operation may change. */
async function state(configuration: Configuration): Promise<unknown> {
  const sql =
    "SELECT (SELECT json_agg(a) FROM offtake.audit a) AS audit, (SELECT json_agg(p) FROM offtake.pause p) AS pauses, (SELECT json_agg(j) FROM offtake.job j) AS jobs, (SELECT json_agg(s) FROM offtake.snapshot s) AS copies";
  return withControl(configuration.control.url, "test", async (control) => (await control.query(sql, [])).rows);
}

function idsIn(body: unknown): string[] {
  return jobs.parse(body).jobs.map(({ id }) => id);
}

/** A path that is one: names of what there is. */
function pathOf(path: string): string {
  return path.replace(":service", "trading").replace(":name", pipeline.connector.name).replace("/jobs/:id", "/jobs/j1").replace(":id", "trading:1");
}

describe("each operation", () => {
  test.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    "%s: without a key, with a wrong one, or one of too low a role nothing changes",
    async (_, route) => {
      const before = await state(pipeline.configuration);
      const path = pathOf(route.path);
      for (const key of [undefined, "wrong", `${keys.admin}x`])
        expect(await api.ask(route.method, path, { key, body: route.method === "POST" ? {} : undefined })).toMatchObject({
          status: 401,
          type: "application/problem+json",
          body: { code: "API_KEY_NEEDED" },
        });
      for (const role of roles.filter((each) => !mayDo(each, route.role)))
        expect(await api.ask(route.method, path, { key: keys[role], body: {} })).toMatchObject({ status: 403, body: { code: "API_ROLE_TOO_LOW" } });
      expect(route.method === "GET" || !mayDo("viewer", route.role)).toBe(true);
      expect(await state(pipeline.configuration)).toEqual(before);
    },
  );

  test("and the stream of events take a key; the document does not", async () => {
    expect(await api.ask("GET", "/events")).toMatchObject({ status: 401 });
    expect(await api.ask("GET", "/openapi.json")).toMatchObject({ status: 200, body: { openapi: "3.1.0", info: { version: "test" } } });
    expect(await api.ask("DELETE", "/status", { key: keys.admin })).toMatchObject({ status: 404, body: { code: "API_NOT_FOUND" } });
  });
});

async function tables(): Promise<unknown> {
  return (await api.ask("GET", "/services/trading/tables", { key: keys.viewer })).body["tables"];
}

describe("what is asked for", () => {
  test("is whose key it is, by which a page knows what may be pressed", async () => {
    for (const role of roles) expect((await api.ask("GET", "/key", { key: keys[role] })).body).toEqual({ name: `the ${role}`, role });
  });

  test("of its tables: what is wrong with which, and what nobody knows is null", async () => {
    const report = {
      service: "trading",
      table: "public.trades",
      level: "detailed",
      verdict: "mismatch",
      mismatchRate: 0.5,
      rounds: 1,
      parked: 0,
      startedAt: "2026-01-01T00:00:00.000Z",
      finishedAt: "2026-01-01T00:00:01.000Z",
      snapshot: { sourceLsn: "0/1", appliedLsn: "0/1" },
      totalSource: 4,
      totalTarget: 4,
      compared: 4,
      matchRate: 0.5,
      rowsPerSecond: 4,
      undecided: [],
      truncatedAt: null,
      reason: null,
      missing: [{ key: { id: "1" } }],
      extra: [],
      differing: [],
    } satisfies Report;
    await withControl(pipeline.configuration.control.url, "test", async (control) => recordPass(control, pipeline.connector.name, report));
    await waitFor(async () => JSON.stringify(await tables()).includes('"missing":1'), { what: "the pass to be known" });
    await waitFor(async () => !JSON.stringify(await tables()).includes('"pass":null'), { what: "the status to have it" });
    expect(await tables()).toEqual([
      {
        table: "public.trades",
        rows: null,
        copy: null,
        needsCopy: null,
        parkedKeys: 0,
        deadLetters: 0,
        alerts: [],
        mismatches: { missing: 1, extra: 0, differing: 0 },
        pass: expect.objectContaining({ verdict: "mismatch", mismatches: 1, lastCleanAt: null }),
      },
    ]);
    await pipeline.source.query("INSERT INTO trades VALUES (1, 'a'), (2, 'b'); ANALYZE trades");
    expect(await tables()).toMatchObject([{ rows: 2 }]);
    await withControl(pipeline.configuration.control.url, "test", async (control) => control.query("DELETE FROM offtake.reconciliation", []));
  });

  test("of a service: it is paused and resumed, and who did it is in the audit", async () => {
    expect(await api.ask("POST", "/services/trading/pause", { key: keys.operator })).toMatchObject({
      status: 200,
      body: { service: "trading", changed: true, paused: { by: "api key the operator" } },
    });
    const paused = async (): Promise<boolean> => (await api.ask("GET", "/services/trading", { key: keys.viewer })).body["paused"] !== null;
    await waitFor(paused, { what: "the status to say so" });
    expect(await api.ask("POST", "/services/trading/resume", { key: keys.admin, body: {} })).toMatchObject({
      status: 200,
      body: { changed: true, paused: null },
    });
    const { body } = await api.ask("GET", "/audit?limit=2", { key: keys.viewer });
    expect(body).toMatchObject({
      entries: [
        { who: "api key the admin", action: "resume", service: "trading", before: { paused: true }, after: { paused: false } },
        { who: "api key the operator", action: "pause", service: "trading", before: { paused: false }, after: { paused: true } },
      ],
    });
  });

  test("that takes long is a job, which can be looked at and called off", async () => {
    const { status, body } = await api.ask("POST", "/services/trading/reconcile", {
      key: keys.operator,
      body: { tables: ["trades"], level: "strict" },
    });
    expect([status, body]).toMatchObject([
      202,
      {
        jobs: [{ kind: "reconcile", state: "waiting", tables: ["public.trades"], options: { level: "strict" }, requestedBy: "api key the operator" }],
      },
    ]);
    const id = idsIn(body)[0]!;
    expect(await api.ask("GET", `/jobs/${id}`, { key: keys.viewer })).toMatchObject({ status: 200, body: { id, state: "waiting" } });
    expect(await api.ask("POST", `/jobs/${id}/cancel`, { key: keys.operator })).toMatchObject({ status: 200, body: { id, cancelled: true } });
    expect(await api.ask("POST", `/jobs/${id}/cancel`, { key: keys.operator })).toMatchObject({ status: 200, body: { cancelled: false } });

    const copy = await api.ask("POST", "/services/trading/snapshot", { key: keys.operator, body: { tables: ["trades"] } });
    expect([copy.status, copy.body]).toMatchObject([202, { jobs: [{ kind: "copy", state: "waiting", tables: ["public.trades"] }] }]);
    const copyId = idsIn(copy.body)[0]!;
    expect(await api.ask("POST", `/jobs/${copyId}/cancel`, { key: keys.operator })).toMatchObject({ body: { cancelled: true } });
    const { body: listed } = await api.ask("GET", "/jobs?service=trading&limit=2", { key: keys.viewer });
    expect(idsIn(listed)).toEqual([copyId, id]);
    expect(listed).toMatchObject({ jobs: [{ state: "cancelled" }, { state: "cancelled" }] });
  });

  test("and is not as it should be, or is not there, is refused in words", async () => {
    const key = keys.admin;
    for (const [method, path, body, status, code] of [
      ["POST", "/services/nobody/pause", {}, 404, "API_NOT_FOUND"],
      ["POST", "/services/trading/pause", { now: true }, 400, "API_REQUEST_INVALID"],
      ["POST", "/services/trading/reconcile", { level: "exact" }, 400, "API_REQUEST_INVALID"],
      ["POST", "/services/trading/reconcile", { tables: ["a.b.c"] }, 400, "USAGE"],
      ["POST", "/services/trading/snapshot", { tables: ["nothing"] }, 400, "USAGE"],
      ["POST", "/dead-letters/trading:7/replay", {}, 400, "USAGE"],
      ["POST", "/dead-letters/trading:7/skip", {}, 400, "API_REQUEST_INVALID"],
      ["POST", "/jobs/j999/cancel", {}, 404, "API_NOT_FOUND"],
      ["GET", "/jobs/c999", undefined, 404, "API_NOT_FOUND"],
      ["GET", "/audit?limit=0", undefined, 400, "API_REQUEST_INVALID"],
      ["GET", "/connectors/nobody", undefined, 404, "API_NOT_FOUND"],
    ] as const) {
      const answer = await api.ask(method, path, { key, body });
      expect([path, answer.status, answer.type, answer.body]).toMatchObject([
        path,
        status,
        "application/problem+json",
        { status, code, type: `urn:offtake:error:${code}` },
      ]);
      const { detail, cure } = problemSchema.parse(answer.body);
      expect([path, detail !== "", cure !== ""]).toEqual([path, true, true]);
    }
    expect(await api.ask("POST", "/services/trading/pause", { key, text: "{" })).toMatchObject({ status: 400, type: "application/problem+json" });
    expect(await api.ask("POST", "/services/trading/pause", { key, text: "a=b", type: "text/plain" })).toMatchObject({
      status: 415,
      body: { cure: expect.stringContaining("content-type: application/json") },
    });
    expect(await api.ask("POST", "/services/trading/pause", { key, text: `"${"x".repeat(300_000)}"` })).toMatchObject({ status: 413 });
  });
});

test("answers carry what keeps browsers from doing harm with them, and no other origin may read them", async () => {
  const { headers } = await api.ask("GET", "/status", { key: keys.viewer });
  expect(headers.get("content-security-policy")).toBe("default-src 'none';frame-ancestors 'none'");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("cache-control")).toBe("no-store");
  const preflight = await fetch(`${api.url}/api/v1/status`, {
    method: "OPTIONS",
    headers: { origin: "http://evil.example", "access-control-request-method": "GET" },
  });
  expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
  expect(headers.get("access-control-allow-origin")).toBeNull();
});

test("the dashboard's page is there for everybody, has no data, and may load nothing but its own files", async () => {
  const answer = await fetch(`${api.url}/`);
  const page = await answer.text();
  expect([answer.status, answer.headers.get("content-type"), answer.headers.get("cache-control")]).toEqual([
    200,
    "text/html; charset=utf-8",
    "no-store",
  ]);
  expect(answer.headers.get("content-security-policy")).toBe(
    "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  );
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  const files = [...page.matchAll(/"(assets\/[^"]+)"/g)].map((match) => `${api.url}/${match[1]}`);
  expect(files).toHaveLength(3);
  for (const file of files) {
    const packed = await fetch(file);
    const plain = await fetch(file, { headers: { "accept-encoding": "identity" } });
    expect([packed.status, packed.headers.get("content-encoding"), plain.headers.get("content-encoding")]).toEqual([200, "gzip", null]);
    expect(packed.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(await packed.text()).toBe(await plain.text());
  }
  const gone = await fetch(`${api.url}/assets/main-OF-BEFORE.js`);
  expect([gone.status, gone.headers.get("cache-control")]).toEqual([404, "no-store"]);
});

test("who asks too often is told to wait, with whatever key", async () => {
  await using strict = await servedApi(pipeline.configuration, 3);
  const statuses = [];
  for (const key of ["guess 1", "guess 2", "guess 3", strict.keys.admin]) statuses.push((await strict.ask("GET", "/jobs", { key })).status);
  expect(statuses).toEqual([401, 401, 401, 429]);
  expect((await strict.ask("GET", "/nothing")).body).toMatchObject({ code: "API_TOO_MANY_REQUESTS" });
  expect((await fetch(`${strict.url}/`)).status).toBe(429);
});

interface Event {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads the stream until the condition holds of what came so far. */
async function events(lastEventId: string | undefined, enough: (all: readonly Event[]) => boolean): Promise<Event[]> {
  const stop = new AbortController();
  const headers = { authorization: `Bearer ${keys.viewer}`, ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) };
  const response = await fetch(`${api.url}${apiPrefix}/events`, { headers, signal: stop.signal });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  let text = "";
  for await (const bytes of response.body!.pipeThrough(new TextDecoderStream())) {
    text += bytes;
    const all = [...text.matchAll(/^id: (.*)\nevent: (.*)\ndata: (.*)\n\n/gm)].map(([, id = "", event = "", data = ""]): Event => ({
      id,
      event,
      data: JSON.parse(data),
    }));
    if (all.length > 0 && enough(all)) {
      stop.abort();
      return all;
    }
  }
  throw new Error("the stream has ended");
}

/** Listens until a patch has this text. A patch has what has changed since the status: this returns when that was told, so that what changes now is in one. */
async function listened(text: string): Promise<{ readonly all: Promise<Event[]> }> {
  const told = Promise.withResolvers<void>();
  const all = events(undefined, (so) => {
    told.resolve();
    return so.some(({ event, data }) => event === "patch" && JSON.stringify(data).includes(text));
  });
  await Promise.race([told.promise, all]);
  return { all };
}

test("events tell everything first, then what changes; who comes back with a number misses nothing", async () => {
  const first = await listened('"paused":{');
  await api.ask("POST", "/services/trading/pause", { key: keys.operator });
  const seen = await first.all;
  expect(seen[0]).toMatchObject({ event: "status", data: { services: [{ service: "trading" }] } });
  const open = await listened('"paused":null');
  await api.ask("POST", "/services/trading/resume", { key: keys.operator });
  const later = await open.all;
  const missed = await events(seen.at(-1)!.id, (all) => all.some(({ id }) => id === later.at(-1)!.id));
  expect(missed.every(({ event }) => event === "patch")).toBe(true);
  expect((await events("another-1", (all) => all.length > 0))[0]!.event).toBe("status");
  expect(mostListeners).toBeGreaterThan(10);
});

test("while the control database is away the status is what is known, and changes are refused", async () => {
  const url = new URL(pipeline.controlUrl);
  const port = Number(url.port);
  let away = false;
  // Nobody listens on port 1.
  await using proxy = await TcpProxy.start(() => ({ host: url.hostname, port: away ? 1 : port }));
  url.port = String(proxy.port);
  await using far = await servedApi({ ...pipeline.configuration, control: { url: new Secret(url.href) } });
  await far.ask("POST", "/services/trading/pause", { key: far.keys.operator });
  await waitFor(async () => (await far.ask("GET", "/services/trading", { key: far.keys.viewer })).body["paused"] !== null, {
    what: "the pause to be known",
  });
  away = true;
  proxy.cut();
  const errors = async (): Promise<string> => JSON.stringify((await far.ask("GET", "/services/trading", { key: far.keys.viewer })).body["errors"]);
  await waitFor(async () => (await errors()).includes("CONTROL_UNREACHABLE"), { what: "the status to say what is away" });
  expect(await far.ask("GET", "/services/trading", { key: far.keys.viewer })).toMatchObject({
    status: 200,
    body: { paused: { by: "api key the operator" }, slot: { name: pipeline.connector.slot } },
  });
  for (const { path, role } of routes.filter(({ method }) => method === "POST")) {
    const body = path.endsWith("skip") ? { reason: "r" } : {};
    expect([path, (await far.ask("POST", pathOf(path), { key: far.keys[role], body })).status]).toEqual([path, 503]);
  }
  expect(await far.ask("GET", "/jobs", { key: far.keys.viewer })).toMatchObject({ status: 503, body: { code: "CONTROL_UNREACHABLE" } });
  away = false;
  expect(await far.ask("POST", "/services/trading/resume", { key: far.keys.operator })).toMatchObject({ status: 200, body: { changed: true } });
});

test("whatever is asked, the answer is one of those that its own document has", async () => {
  const { body: document } = await api.ask("GET", "/openapi.json");
  const known = { service: ["trading"], name: [pipeline.connector.name], id: ["j1", "c1", "trading:1"] };
  await fc.assert(
    fc.asyncProperty(fuzzedRequests(document, known), async ({ method, path, query, body, template, responses }) => {
      const answer = await api.ask(method, `${path.slice(apiPrefix.length)}${query}`, {
        key: keys.admin,
        ...(body === undefined ? {} : { text: body }),
      });
      expect([template, Object.keys(responses)]).toEqual([template, expect.arrayContaining([String(answer.status)])]);
      expect(answer.status).toBeLessThan(500);
      const route = routes.find((each) => apiPrefix + each.path.replaceAll(/:(\w+)/g, "{$1}") === template && each.method === method);
      const [type, schema] = answer.status >= 400 ? [problemType, problemSchema] : ["application/json", route!.answer];
      expect([template, answer.type, schema.safeParse(answer.body).error]).toEqual([template, type, undefined]);
    }),
    { numRuns: 250 },
  );
  expect(api.faults).toEqual([]);
});
