import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { stringify } from "yaml";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { temporaryFolder, type TemporaryFolder } from "../../support/temporary-folder.ts";
import { lastObject, offtake } from "./cli-process.ts";
import { documentedAnswer, namesIn } from "./documentation.ts";

let empty: TemporaryFolder;
let pipeline: Pipeline;

beforeAll(async () => {
  empty = await temporaryFolder();
  pipeline = await createPipeline("CREATE TABLE trades (id int8 PRIMARY KEY)");
});

afterAll(async () => {
  await pipeline[Symbol.asyncDispose]();
  await empty[Symbol.asyncDispose]();
});

/** offtake.yaml of the pipeline, with something exchanged. */
async function brokenFile(name: string, changed: Readonly<Record<string, unknown>>): Promise<string> {
  const file = join(empty.path, `${name}.yaml`);
  const { sourceUrl, targetUrl, connector } = pipeline;
  const whole = {
    mode: "development",
    source: { url: sourceUrl },
    kafka: { brokers: inject("kafka"), topicPrefix: connector.name },
    registry: { url: inject("registry") },
    control: { url: inject("control") },
    services: { trading: { target: { url: targetUrl }, tables: ["*"] } },
    ...changed,
  };
  await writeFile(file, stringify(whole));
  return file;
}

function withPassword(url: string, password: string): string {
  const changed = new URL(url);
  changed.password = password;
  return changed.href;
}

/** A port of this machine on which nobody listens: one that was free a moment ago. */
async function deadPort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const closed = once(server, "close");
  server.close();
  await closed;
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** offtake.yaml with these servers at a port where nobody listens. */
async function awayConfiguration(
  ...servers: readonly ("source" | "kafka" | "registry" | "control" | "target")[]
): Promise<{ file: string; port: number }> {
  const port = await deadPort();
  const url = (database: string): string => `postgres://me:hunter2@127.0.0.1:${port}/${database}`;
  const changes = {
    source: { source: { url: url("monolith") } },
    kafka: { kafka: { brokers: [`127.0.0.1:${port}`], topicPrefix: "away" } },
    registry: { registry: { url: `http://127.0.0.1:${port}` } },
    control: { control: { url: url("control") } },
    target: { services: { trading: { target: { url: url("trading") }, tables: ["*"] } } },
  };
  const changed = Object.assign({}, ...servers.map((server) => changes[server]));
  return { port, file: await brokenFile(`${servers.join("-")}-away`, changed) };
}

describe.concurrent("usage", () => {
  test.each([
    [["config"], "Usage: offtake config", "The command is missing, or is not one."],
    [["statsu"], "unknown command 'statsu'\n(Did you mean status?)", "unknown command 'statsu' (Did you mean status?)"],
    [["run", "all", "--http-port", "65536"], "Expected a number from 0 to 65535.", "Expected a number from 0 to 65535."],
  ])("%j is refused with 2, in words and as JSON", async (args, words, message) => {
    const { code, stdout, stderr } = await offtake([...args, "--json"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
    const answer = lastObject(stdout);
    expect(answer).toEqual({ error: { code: "USAGE", message: expect.stringContaining(message), cure: expect.stringContaining("offtake help") } });
    expect(namesIn(answer)).toEqual(namesIn(documentedAnswer("error")));
  });

  test("without --json stdout stays empty", async () => {
    const { code, stdout, stderr } = await offtake([]);
    expect([code, stdout, stderr]).toEqual([2, "", expect.stringContaining("Usage: offtake [options] [command]")]);
  });

  test("help is an answer", async () => {
    const { code, stdout, stderr } = await offtake(["help", "run"]);
    expect([code, stderr, stdout]).toEqual([0, "", expect.stringMatching(/^Usage: offtake run /)]);
  });

  test("version", async () => {
    const { code, stdout } = await offtake(["version", "--json"]);
    expect([code, lastObject(stdout)]).toEqual([0, { version: expect.stringMatching(/^\d+\.\d+\.\d+/), node: process.version }]);
    expect(namesIn(lastObject(stdout))).toEqual(namesIn(documentedAnswer("version")));
  });

  test("a log level that is none", async () => {
    const { code, stderr } = await offtake(["run", "--config", pipeline.file], { env: { OFFTAKE_LOG_LEVEL: "loud" } });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^USAGE: OFFTAKE_LOG_LEVEL is `loud`: expected trace, /)]);
  });
});

describe.concurrent("config", () => {
  test("print shows what is understood, with no secret, in words and as JSON", async () => {
    const url = "env:OFFTAKE_TEST_TARGET";
    const file = await brokenFile("secrets", {
      source: { url: withPassword(pipeline.sourceUrl, "hunter2-source") },
      services: { trading: { target: { url }, tables: ["trades"] } },
    });
    const env = { OFFTAKE_TEST_TARGET: withPassword(pipeline.targetUrl, "hunter2-target") };
    const [plain, json] = await Promise.all([
      offtake(["config", "print", "--config", file], { env }),
      offtake(["config", "print", "--json"], { env: { ...env, OFFTAKE_CONFIG: file } }),
    ]);
    expect([plain.code, plain.stderr, json.code, json.stderr]).toEqual([0, "", 0, ""]);
    expect(plain.stdout + json.stdout).not.toContain("hunter2");
    expect(plain.stdout).toContain("slot: offtake_trading");
    expect(lastObject(json.stdout)).toMatchObject({ connectors: { trading: { publication: "trading_pub", slot: "offtake_trading" } } });
  });

  test("schema is a JSON Schema, which needs no configuration", async () => {
    const { code, stdout } = await offtake(["config", "schema", "--json"], { cwd: empty.path });
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    expect([code, lastObject(stdout)]).toMatchObject([0, { type: "object", properties: { services: {}, kafka: {} } }]);
  });
});

describe.concurrent("the first command of somebody new", () => {
  test("without an offtake.yaml", async () => {
    const { code, stdout, stderr } = await offtake(["check", "--json"], { cwd: empty.path });
    expect([code, lastObject(stdout)]).toEqual([
      2,
      { error: { code: "CONFIG_MISSING", message: expect.stringContaining(empty.path), cure: expect.stringContaining("--config") } },
    ]);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  test("a file that is named and not there", async () => {
    const { code, stderr } = await offtake(["run"], { env: { OFFTAKE_CONFIG: "elsewhere.yaml" } });
    expect([code, stderr]).toEqual([2, "CONFIG_MISSING: The file elsewhere.yaml that OFFTAKE_CONFIG names does not exist.\n"]);
  });

  test("a file with faults: all of them, with line and column", async () => {
    const file = await brokenFile("faults", { sources: {}, registry: {} });
    const { code, stdout, stderr } = await offtake(["up", "--config", file, "--json"]);
    expect([code, lastObject(stdout)]).toMatchObject([2, { error: { code: "CONFIG_INVALID" } }]);
    expect(stderr).toMatch(/faults\.yaml:\d+:\d+.*sources/);
    expect(stderr).toMatch(/faults\.yaml:\d+:\d+.*registry/);
  });

  test("a wrong password: which side, and never the password", async () => {
    const source = await brokenFile("source-password", { source: { url: withPassword(pipeline.sourceUrl, "hunter2") } });
    const target = await brokenFile("target-password", {
      services: { trading: { target: { url: withPassword(pipeline.targetUrl, "hunter2") }, tables: ["*"] } },
    });
    const [up, status, check, refused] = await Promise.all([
      offtake(["up", "--config", source, "--json"]),
      offtake(["status", "--config", source, "--json"]),
      offtake(["check", "--config", source, "--json"]),
      offtake(["up", "--config", target, "--json"]),
    ]);
    expect([up.code, lastObject(up.stdout)]).toMatchObject([1, { error: { code: "SOURCE_REFUSED", cure: expect.stringContaining("password") } }]);
    expect([status.code, lastObject(status.stdout)]).toMatchObject([
      1,
      { services: [{ slot: { word: "unknown" }, errors: expect.arrayContaining([expect.objectContaining({ code: "SOURCE_REFUSED" })]) }] },
    ]);
    expect([check.code, lastObject(check.stdout)]).toMatchObject([
      3,
      { ok: false, findings: expect.arrayContaining([expect.objectContaining({ level: "fault", where: "source", code: "SOURCE_REFUSED" })]) },
    ]);
    expect([refused.code, lastObject(refused.stdout)]).toMatchObject([1, { error: { code: "TARGET_REFUSED" } }]);
    for (const { stdout, stderr } of [up, status, check, refused]) expect(stdout + stderr).not.toContain("hunter2");
  });

  test.each(["source", "kafka", "registry", "control", "target"] as const)("`up` while %s is away: 4, and which server", async (server) => {
    const { file, port } = await awayConfiguration(server);
    const { code, stdout, stderr } = await offtake(["up", "--config", file, "--json"]);
    const error = { code: `${server.toUpperCase()}_UNREACHABLE`, message: expect.stringContaining(String(port)) };
    expect([code, lastObject(stdout)]).toMatchObject([4, { error }]);
    expect(stdout + stderr).not.toContain("hunter2");
  });

  test("`check` while all are away: 4, and each of them", async () => {
    const { file } = await awayConfiguration("source", "kafka", "registry", "control", "target");
    const { code, stdout } = await offtake(["check", "--config", file, "--json"]);
    const findings = ["SOURCE", "REGISTRY", "CONTROL", "KAFKA", "TARGET"].map((server) =>
      expect.objectContaining({ level: "fault", code: `${server}_UNREACHABLE` }),
    );
    expect([code, lastObject(stdout)]).toEqual([4, { ok: false, findings }]);
    expect(namesIn(lastObject(stdout))).toEqual([...namesIn(documentedAnswer("check")), "findings[].code"].toSorted());
  });
});
