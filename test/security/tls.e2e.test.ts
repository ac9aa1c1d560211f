/** Every way to a server in TLS, under an authority of one's own; and what is said where it is not the right one. */
import { readFileSync } from "node:fs";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { Client } from "pg";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { runConnector } from "../../connectors/postgres/connector.ts";
import { runApplier } from "../../services/apply/applier.ts";
import { check } from "../../services/cli/check.ts";
import type { Configuration } from "../../services/runtime/configuration.ts";
import { Secret } from "../../services/runtime/secret.ts";
import { lastObject, offtake } from "../services/cli/cli-process.ts";
import { running } from "../support/running-all.ts";
import { type RunningUnit, startUnit } from "../support/running-unit.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";
import { everyCommand } from "./every-command.ts";
import { type Access, type SecuredPipeline, startSecuredStack, user } from "./secured-stack.ts";

const secured = await startSecuredStack();
const pipeline = await secured.createPipeline("CREATE TABLE trades (id int8 PRIMARY KEY, note text); INSERT INTO trades VALUES (1, 'before')", {
  trades: { poison: "park" },
});
afterAll(async () => {
  await pipeline[Symbol.asyncDispose]();
  await secured[Symbol.asyncDispose]();
});

const authorities = getCACertificates("default");

/** What NODE_EXTRA_CA_CERTS does when a process starts: the registry's clients trust whom Node trusts. */
function trustByNode(file: string): void {
  setDefaultCACertificates([...authorities, readFileSync(file, "utf8")]);
}

beforeEach(() => trustByNode(secured.authority));

/** What each part of offtake.yaml says of the way to its server: of `check`, in its order. */
async function refusals(it: SecuredPipeline, access: Partial<Access>): Promise<Record<string, string>> {
  const findings = await check(await it.secured(access));
  return Object.fromEntries(
    findings.flatMap(({ where, what, cure, code }) => (code === undefined ? [] : [[where.split(" ")[0]!, `${what} ${cure}`]])),
  );
}

// First of all: a connection that is kept open to the registry asks nobody again.
describe("refused, and told to a person instead of tried again", () => {
  test.each<[string, () => Partial<Access>, Record<string, RegExp>]>([
    [
      "an authority that is not the servers'",
      () => {
        trustByNode(secured.stranger);
        return { trusted: secured.stranger };
      },
      {
        source: /^SOURCE_REFUSED: .*certificate is not trusted: unable to verify the first certificate.*sslrootcert/,
        registry: /^REGISTRY_REFUSED: .*unable to verify the first certificate.*NODE_EXTRA_CA_CERTS/,
        control: /^CONTROL_REFUSED: .*certificate is not trusted: unable to verify the first certificate.*sslrootcert/,
        topic: /^KAFKA_REFUSED: .*certificate is not trusted: unable to verify the first certificate.*kafka\.tls\.ca/,
        service: /^TARGET_REFUSED: .*certificate is not trusted: unable to verify the first certificate.*sslrootcert/,
      },
    ],
    [
      "a name that the certificate does not have",
      () => ({ host: "127.0.0.1" }),
      {
        source: /^SOURCE_REFUSED: .*does not match certificate's altnames.*as its certificate does/,
        registry: /^REGISTRY_REFUSED: .*does not match certificate's altnames.*is its certificate/,
        control: /^CONTROL_REFUSED: .*does not match certificate's altnames.*as its certificate does/,
        topic: /^KAFKA_REFUSED: .*does not match certificate's altnames.*as their certificates do/,
        service: /^TARGET_REFUSED: .*does not match certificate's altnames.*as its certificate does/,
      },
    ],
    [
      "servers that ask for TLS, and Offtake that does not",
      () => ({ trusted: undefined }),
      {
        source: /^SOURCE_REFUSED: .*no encryption.*sslmode=verify-full/,
        control: /^CONTROL_REFUSED: .*no encryption.*sslmode=verify-full/,
        topic: /^KAFKA_\w+: .*`tls` or `sasl` in `kafka`/,
        service: /^TARGET_REFUSED: .*no encryption.*sslmode=verify-full/,
      },
    ],
    [
      "wrong passwords",
      () => ({ databasePassword: "wr0ng!", kafkaPassword: "wr0ng!" }),
      {
        source: /^SOURCE_REFUSED: .*password authentication failed.*Check user and password/,
        control: /^CONTROL_REFUSED: .*password authentication failed.*Check user and password/,
        topic: /^KAFKA_REFUSED: .*SASL_AUTHENTICATION_FAILED.*Check username and password of kafka\.sasl/,
        service: /^TARGET_REFUSED: .*password authentication failed.*Check user and password/,
      },
    ],
    ["nothing, where Kafka asks for no login but TLS", () => ({ kafkaPassword: undefined }), {}],
    ["nothing, with SCRAM-SHA-256", () => ({ mechanism: "scram-sha-256" }), {}],
  ])("%s", async (_, access, expected) => {
    const said = await refusals(pipeline, access());
    expect(said).toEqual(Object.fromEntries(Object.entries(expected).map(([where, words]) => [where, expect.stringMatching(words)])));
    expect(JSON.stringify(said)).not.toContain("wr0ng!");
  });
});

test("the whole pipeline, by every command: no connection goes without TLS", async () => {
  const logged = async (): Promise<readonly string[]> => Promise.all([secured.logOf("source"), secured.logOf("target")]);
  const before = await logged();
  const configuration = await pipeline.secured();
  await everyCommand(configuration, pipeline, { source: "trades", target: "trades", key: "id", text: "note" });
  // As a process is told of the authority.
  const { code, stdout } = await offtake(["check", "--json", "--config", pipeline.file], { env: { NODE_EXTRA_CA_CERTS: secured.authority } });
  expect([code, lastObject(stdout)]).toMatchObject([0, { ok: true }]);

  const log = (await logged()).map((text, i) => text.slice(before[i]!.length)).join("");
  const connections = log.split("\n").filter((line) => line.includes(`connection authorized: user=${user}`));
  expect(connections.filter((line) => !line.includes("SSL enabled"))).toEqual([]);
  expect(log).not.toContain("no encryption");
  // Who connected, so that the lines above are known to be of all of them.
  const names = new Set(connections.map((line) => /application_name=(.*?) SSL/.exec(line)?.[1]?.replace(pipeline.connector.name, "CONNECTOR")));
  const expected = [
    "offtake CONNECTOR",
    "offtake CONNECTOR copy",
    "offtake CONNECTOR journal",
    "offtake CONNECTOR tables",
    "offtake check",
    "offtake dlq",
    "offtake reconcile",
    "offtake reconcile trading",
    "offtake repair",
    "offtake snapshot",
    "offtake status",
    "offtake trading",
    "offtake up",
  ];
  expect([...names]).toEqual(expect.arrayContaining(expected));
});

async function endOf(unit: RunningUnit): Promise<string | undefined> {
  return (await unit.ended)?.code;
}

/** Ends Offtake's sessions with a server. */
async function cut(superuser: Client): Promise<void> {
  await superuser.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", [user]);
}

/** A connector and an applier of this configuration, without their supervisors. */
function unitsOf(configuration: Configuration): { connector: () => RunningUnit; applier: () => RunningUnit } {
  const { metrics } = pipeline;
  const connector = configuration.connectors[0]!;
  const service = configuration.services[0]!;
  return {
    connector: () =>
      startUnit(async ({ log, working, interruption, signal }) =>
        runConnector({ configuration, connector, service, log, metrics, capturing: working, interruption }, signal),
      ),
    applier: () =>
      startUnit(async ({ log, working, interruption, signal }) =>
        runApplier({ configuration, service, connector: connector.name, log, metrics, applying: working, interruption }, signal),
      ),
  };
}

test("connectors and appliers end where the authority is not the server's, whichever server it is", async () => {
  const right = await pipeline.secured();
  const wrong = await pipeline.secured({ trusted: secured.stranger });
  expect(await endOf(unitsOf({ ...right, source: wrong.source }).connector())).toBe("SOURCE_REFUSED");
  expect(await endOf(unitsOf({ ...right, kafka: wrong.kafka }).connector())).toBe("KAFKA_REFUSED");
  expect(await endOf(unitsOf({ ...right, kafka: wrong.kafka }).applier())).toBe("KAFKA_REFUSED");
  expect(await endOf(unitsOf({ ...right, services: wrong.services }).applier())).toBe("TARGET_REFUSED");

  // The registry's clients trust whom the process trusts, and ask a server once: behind a port of its own it is one that they have not seen.
  const url = right.registry.url.reveal();
  for (const [file, expected] of [
    [secured.stranger, /^REGISTRY_REFUSED: .*unable to verify the first certificate/],
    [secured.authority, /^works$/],
  ] as const) {
    trustByNode(file);
    for (const kind of ["connector", "applier"] as const) {
      await using proxy = await TcpProxy.start(() => ({ host: "127.0.0.1", port: Number(new URL(url).port) }));
      await using unit = unitsOf({ ...right, registry: { url: new Secret(url.replace(/:\d+/, `:${proxy.port}`)) } })[kind]();
      const end = await unit.working.then(
        () => "works",
        async () => (await unit.ended)?.line,
      );
      expect([kind, end]).toEqual([kind, expect.stringMatching(expected)]);
    }
  }
});

test("passwords that are changed while everything runs: what is lost is not opened again, and says so until Offtake is started with the new ones", async () => {
  const before = await pipeline.secured();
  const { source, target } = pipeline;
  {
    await using all = await running(before);
    await waitFor(async () => (await all.readyz()).status === 200, { what: "everything to work" });
    await secured.setDatabasePassword("changed-database");
    await secured.setKafkaPassword("changed-kafka");
    // What is open stays open.
    await source.query("INSERT INTO trades VALUES (10, 'with the old ones')");
    await waitFor(async () => (await target.query("SELECT FROM trades WHERE id = 10")).rowCount === 1, { what: "the row at the target" });
    const refused = async (unit: string, words: RegExp): Promise<unknown> =>
      waitFor(async () => words.test((await all.readyz()).reasons[unit] ?? ""), { what: `the ${unit} to say that it is refused` });
    await cut(target);
    // An applier that has nothing to do finds out with the next event.
    await source.query("INSERT INTO trades VALUES (11, 'meanwhile')");
    await refused("applier trading", /^(TARGET|KAFKA)_REFUSED: .*A password that was changed is read when Offtake starts/);
    await cut(source);
    await refused(`connector ${pipeline.connector.name}`, /^(SOURCE|KAFKA)_REFUSED: .*A password that was changed is read when Offtake starts/);
    expect(all.log.filter(({ level }) => level === "error").length).toBeGreaterThan(0);
  }
  await using again = await running(await pipeline.secured({ databasePassword: "changed-database", kafkaPassword: "changed-kafka" }));
  await waitFor(async () => (await target.query("SELECT FROM trades WHERE id = 11")).rowCount === 1, { what: "the row at the target" });
  expect(await again.stop()).toBe(true);
});
