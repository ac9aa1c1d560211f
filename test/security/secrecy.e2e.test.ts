/**
 * No secret in anything that Offtake shows, where every server repeats the one it was sent: what `check` finds, what commands end with, the log of a process, /readyz, /metrics,
 * the HTTP API, the configuration that is printed, the list of processes. Webhooks, whose addresses are secrets, repeat them, too, in every way that HTTP has.
 */
import fc from "fast-check";
import { afterAll, describe, expect, inject, test } from "vitest";
import { stringify } from "yaml";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runningProcesses } from "../../infra/local/process-table.ts";
import { check, checkText } from "../../services/cli/check.ts";
import { printedConfiguration } from "../../services/cli/config.ts";
import { testNotifications } from "../../services/cli/notifications.ts";
import { createProgram } from "../../services/cli/program.ts";
import { up } from "../../services/cli/up.ts";
import { newApiKey } from "../../services/control/api-keys.ts";
import { routes } from "../../services/control/api-routes.ts";
import { createLog } from "../../services/runtime/log.ts";
import { parseConfiguration } from "../../services/runtime/configuration.ts";
import { CliProcess, offtake } from "../services/cli/cli-process.ts";
import { controlDatabase } from "../services/control/control-database.ts";
import { createAuthority } from "../support/certificate.ts";
import { httpServer, postgresThatRepeatsPasswords } from "../support/answering-server.ts";
import { errorOf } from "../support/error-of.ts";
import { running } from "../support/running-all.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { waitFor } from "../support/wait-for.ts";

const repeating = await postgresThatRepeatsPasswords();
const registry = await httpServer((request, response) => {
  const { authorization = "" } = request.headers;
  const secret = Buffer.from(authorization.replace("Basic ", ""), "base64").toString();
  const message = `${authorization} is ${secret}, as in http://${secret}@registry, and may not ${request.method} ${request.url}`;
  response.writeHead(401, { "content-type": "application/json" }).end(JSON.stringify({ error_code: 401, message }));
});
/** What a webhook makes of being told, by the first part of its path. */
const hooks = await httpServer((request, response) => {
  const { url = "" } = request;
  if (url.startsWith("/breaks/")) request.socket.destroy();
  else if (url.startsWith("/moves/")) response.writeHead(302, { location: `${url}&again` }).end(url);
  else response.writeHead(500, `${url} failed`, { "x-request": url }).end(`nobody listens at ${decodeURIComponent(url)}`);
});
const control = await controlDatabase();
const folder = await temporaryFolder();
afterAll(async () => {
  await repeating[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await hooks[Symbol.asyncDispose]();
  await control[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** With what means something to URLs, JSON, YAML, shells and patterns; no NUL, which ends a password of PostgreSQL. */
const specials = [...":/?#@%&=+ !*|>'\"\\{}[],-~$;\n\t".split(""), "$&", "é", "\u{1F511}", "%41", "env:", "://"];
const secret = fc.array(fc.constantFrom(...specials), { minLength: 1, maxLength: 8 }).map((noise) => `xK9v${noise.join("")}Wj3b`);

/** Whoever shows a piece of a secret shows one of its ends, in one of the ways of writing it. */
function shown(texts: readonly string[], value: string): string[] {
  const header = Buffer.from(`me:${value}`).toString("base64");
  const ends = ["xK9v", "Wj3b", header.slice(3, 12), header.slice(-12, -4)];
  return texts.filter((text) => ends.some((end) => text.includes(end)));
}

const { certificate, key } = createAuthority("Kafka's clients").issue(["localhost"]);
const keyLines = key.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));

/** Every secret a reference: as production has it. */
function fileOf(value: string, changed: object = {}): { text: string; env: Record<string, string> } {
  const written = encodeURIComponent(value);
  const database = `postgres://me:${written}@127.0.0.1:${repeating.port}`;
  const hook = `127.0.0.1:${hooks.port}`;
  const env = {
    MONOLITH: `${database}/shop`,
    CONTROL: `postgres://me@127.0.0.1:${repeating.port}/state?password=${written}`,
    CONTROL_THAT_WORKS: control.url.reveal(),
    TARGET: `${database}/trading`,
    REGISTRY: `http://me:${written}@127.0.0.1:${registry.port}`,
    KAFKA: value,
    KAFKA_KEY: key,
    ANSWERS: `http://${hook}/answers/${written}?token=${written}`,
    MOVES: `http://${hook}/moves/${written}?token=${written}`,
    BREAKS: `http://${hook}/breaks/${written}?token=${written}`,
    // Which no client sends, and the client's refusal has it whole.
    LOGIN: `http://me:${written}@${hook}/login/${written}`,
  };
  const webhooks = ["answers", "moves", "breaks", "login"].map((name) => ({ name, url: `env:${name.toUpperCase()}` }));
  const text = stringify({
    mode: "development",
    source: { url: "env:MONOLITH" },
    kafka: { brokers: inject("kafka"), sasl: { mechanism: "plain", username: "me", password: "env:KAFKA" } },
    registry: { url: "env:REGISTRY" },
    control: { url: "env:CONTROL" },
    notifications: { webhooks },
    services: { trading: { target: { url: "env:TARGET" }, tables: ["trades"] } },
    ...changed,
  });
  return { text, env };
}

/** The other ways to log in to Kafka. */
const byKey = {
  kafka: {
    brokers: inject("kafka"),
    tls: { cert: certificate, key: "env:KAFKA_KEY" },
    sasl: { mechanism: "oauthbearer", token: "env:KAFKA" },
  },
};

type Commands = ReturnType<typeof createProgram>["commands"];

/** All commands that do something, each with those it belongs to. */
function commandsIn(commands: Commands, before = ""): string[] {
  return commands.flatMap((each) =>
    each.commands.length === 0 ? [`${before}${each.name()}`] : commandsIn(each.commands, `${before}${each.name()} `),
  );
}

/** What a command is given besides. */
const parameters: Readonly<Record<string, readonly string[]>> = {
  check: [],
  up: ["--recover", "trading"],
  status: [],
  "snapshot start": ["trading"],
  "snapshot status": ["trading"],
  "snapshot cancel": ["trading"],
  reconcile: ["trading"],
  repair: ["trading"],
  pause: ["trading"],
  resume: ["trading"],
  "dlq list": ["trading"],
  "dlq show": ["trading", "1"],
  "dlq replay": ["trading"],
  "dlq skip": ["trading", "1"],
  "notifications test": [],
  "config print": [],
};

/** Those that open no server of offtake.yaml; `run` has tests of its own. */
const withoutServers = /^(run|init|version|completion|demo|config (schema|api-key)|stack (up|down|status))$/;

describe("where every server repeats the secret that it was sent", () => {
  test("nothing that is shown has one, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(secret, async (value) => {
        const { text, env } = fileOf(value);
        const configuration = parseConfiguration(text, "offtake.yaml", env);
        const findings = await check(configuration);
        // They have repeated it: without that the rest would prove nothing.
        expect(findings.map(({ code, what }) => `${code} ${what.includes("[redacted]")}`)).toEqual([
          "SOURCE_REFUSED true",
          "REGISTRY_REFUSED true",
          "CONTROL_REFUSED true",
          "KAFKA_REFUSED false",
          "TARGET_REFUSED true",
        ]);
        const terminal = { json: true, progress: () => {}, answer: () => {} };
        const error = await errorOf(up(configuration, { createTables: true, recover: undefined }, terminal, new AbortController().signal));
        const lines: string[] = [];
        for (const people of [true, false]) createLog({ env: {}, terminal: people, write: (line) => lines.push(line) }).error(error);
        await using all = await running(configuration);
        const { reasons } = await waitFor(
          async () => {
            const answer = await all.readyz();
            return Object.values(answer.reasons).every((reason) => reason.includes("_REFUSED")) && answer;
          },
          { what: "both units to be refused" },
        );
        const address = String(all.log.find(({ http }) => http !== undefined)?.["http"]);
        const metrics = await (await fetch(`${address}/metrics`)).text();
        const printed = printedConfiguration(configuration);
        const told = await testNotifications(configuration, []);
        expect(told.object.webhooks.map(({ error: failed }) => failed?.code)).toEqual(Array<string>(4).fill("NOTIFICATION_FAILED"));
        const everything = [
          JSON.stringify(findings),
          checkText(findings),
          String(error?.stack),
          JSON.stringify(error),
          ...lines,
          JSON.stringify(all.log),
          JSON.stringify(reasons),
          metrics,
          printed.text,
          JSON.stringify(printed.object),
          told.text,
          JSON.stringify(told.object),
        ];
        expect(shown(everything, value)).toEqual([]);
      }),
      { numRuns: 8 },
    );
  });

  test("processes of the command line show none, on stdout, on stderr or in the list of processes", async () => {
    const value = "xK9v: 'p@ss/w%rd\\#\"Wj3b";
    const { text, env } = fileOf(value);
    const file = join(folder.path, "offtake.yaml");
    await writeFile(file, text);
    const ended = [await offtake(["check", "--config", file], { env }), await offtake(["up", "--json", "--config", file], { env })];
    await using command = new CliProcess(["run", "all", "--http-port", "0", "--config", file], { env });
    await command.says(/TARGET_REFUSED/);
    await command.says(/SOURCE_REFUSED/);
    const listed = runningProcesses().find(({ pid }) => pid === command.child.pid)?.command ?? "";
    expect(listed).toContain(file);
    ended.push(await command.end("SIGTERM"));
    expect(ended.map(({ stdout, stderr }) => `${stdout}${stderr}`.includes("[redacted]"))).toEqual([true, true, true]);
    expect(shown([listed, ...ended.flatMap(({ stdout, stderr }) => [stdout, stderr])], value)).toEqual([]);
  });

  test("no command shows a password, a token, a private key or the address of a webhook", async () => {
    expect(
      commandsIn(createProgram().commands)
        .filter((name) => !withoutServers.test(name))
        .toSorted(),
    ).toEqual(Object.keys(parameters).toSorted());
    const value = "xK9v: 'p@ss/w%rd\\#\"Wj3b";
    const { text, env } = fileOf(value, byKey);
    const file = join(folder.path, "by-key.yaml");
    await writeFile(file, text);
    const ended = await Promise.all(
      Object.entries(parameters).map(async ([name, given]) => {
        const { stdout, stderr, code } = await offtake([...name.split(" "), ...given, "--json", "--config", file], { env });
        return { name, code, said: `${stdout}${stderr}` };
      }),
    );
    // What has gone to a server has come back.
    expect(ended.filter(({ said }) => !said.includes("[redacted]")).map(({ name }) => name)).toEqual(["notifications test"]);
    expect(ended.filter(({ code }) => code === 0).map(({ name }) => name)).toEqual(["config print"]);
    const said = ended.map((each) => each.said);
    expect(shown(said, value)).toEqual([]);
    expect(said.filter((each) => keyLines.some((line) => each.includes(line)))).toEqual([]);
  });

  test("neither the control process nor its API does, nor a key of the API", async () => {
    const value = "xK9v: 'p@ss/w%rd\\#\"Wj3b";
    const { key: apiKey, hash } = newApiKey();
    const { text, env } = fileOf(value, {
      ...byKey,
      control: { url: "env:CONTROL_THAT_WORKS" },
      background: { validateEvery: "1s", healthEvery: "1s" },
      http: { apiKeys: [{ name: "ada", role: "admin", hash }] },
    });
    const file = join(folder.path, "control.yaml");
    await writeFile(file, text);
    await control.admin.query(
      "INSERT INTO offtake.alert (connector, service, table_name, kind, detail) VALUES ('trading', 'trading', 'public.trades', 'mismatch', '3 rows are wrong.')",
    );
    await using command = new CliProcess(["run", "control", "--http-port", "0", "--config", file], { env });
    const [, address = ""] = await command.says(/(http:\/\/127\.0\.0\.1:\d+)/);
    const said: string[] = [];
    const ask = async (method: string, path: string, body?: string): Promise<string> => {
      const headers = { authorization: `Bearer ${apiKey}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
      const response = await fetch(`${address}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(30_000),
      });
      const answer = `${method} ${path}: ${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
      said.push(answer);
      return answer;
    };
    for (const { method, path } of routes) {
      const named = path.replace(":service", "trading").replace(":name", "trading").replace("/jobs/:id", "/jobs/j1").replace(":id", "trading:1");
      await ask(method, `/api/v1${named}`, method === "POST" ? JSON.stringify(path.endsWith("/skip") ? { all: false } : {}) : undefined);
    }
    await waitFor(async () => /"validation":\{.*_REFUSED.*\[redacted\]/.test(await ask("GET", "/api/v1/status")), { what: "a validation" });
    await waitFor(async () => /_REFUSED.*\[redacted\]/.test(await ask("GET", "/api/v1/jobs")), { what: "a job that was refused" });
    for (const path of ["/readyz", "/healthz", "/metrics", "/api/v1/openapi.json"]) await ask("GET", path);
    for (const name of ["answers", "moves", "breaks", "login"]) await command.says(new RegExp(`NOTIFICATION_FAILED.*webhook ${name}`));
    const { stdout, stderr } = await command.end("SIGTERM");
    expect(shown([...said, stdout, stderr], value)).toEqual([]);
    expect([...said, stdout, stderr].filter((each) => [apiKey, ...keyLines].some((line) => each.includes(line)))).toEqual([]);
  });
});
