/** Bad input: Kafka, the registry, and the topic. */
import { execFile } from "node:child_process";
import { request as httpRequest, type RequestListener } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, expect, inject } from "vitest";
import { fetchedJars } from "../../../infra/local/jars.ts";
import { findJava } from "../../../infra/local/java.ts";
import { offsetRange } from "../../../connectors/kafka/offsets.ts";
import { runConnector } from "../../../connectors/postgres/connector.ts";
import { check } from "../../../services/cli/check.ts";
import type { Finding } from "../../../services/cli/finding.ts";
import { markNeedsCopy, readMarks } from "../../../services/apply/needs-copy.ts";
import type { Configuration, KafkaConfiguration } from "../../../services/runtime/configuration.ts";
import type { OfftakeError } from "../../../services/runtime/errors.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { httpServer } from "../../support/answering-server.ts";
import { errorOf } from "../../support/error-of.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";
import { freshTopic, testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp, stateOf } from "../apply/same-texts.ts";
import { type BadInputs, describeBadInput, told } from "./bad-input.ts";

const schema = "CREATE TABLE trades (id int8 PRIMARY KEY, note text)";
/** For cases that change nothing. */
const untouched = await createPipeline(schema);
const cluster = testCluster();
/** A port on which somebody listened a moment ago. fetch refuses port 1. */
const nobody = await httpServer(() => {}).then(async (server) => {
  await server[Symbol.asyncDispose]();
  return server.port;
});
afterAll(async () => {
  await untouched[Symbol.asyncDispose]();
  await cluster.close();
});

function withKafka({ configuration }: Pipeline, changed: Partial<KafkaConfiguration>): Configuration {
  return { ...configuration, kafka: { ...configuration.kafka, ...changed } };
}

function withRegistry({ configuration }: Pipeline, url: string): Configuration {
  return { ...configuration, registry: { url: new Secret(url) } };
}

/** The faults of Kafka and the registry. */
async function faults(configuration: Configuration): Promise<Finding[]> {
  return (await check(configuration)).filter(({ level, where }) => level === "fault" && /^(topic|registry)/.test(where));
}

/** Commits a row and waits until both sides are the same, with everything that was committed before. */
async function works(pipeline: Pipeline): Promise<void> {
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await pipeline.source.query("INSERT INTO trades VALUES (901, 'new')");
  await caughtUp(pipeline, [connector, applier]);
  expect(await stateOf(pipeline.target, { trades: "id" })).toEqual(await stateOf(pipeline.source, { trades: "id" }));
}

function connectorOf(pipeline: Pipeline, configuration: Configuration): RunningUnit {
  const { connector, service, metrics } = pipeline;
  return startUnit(async ({ log, working, interruption, signal }) =>
    runConnector({ configuration, connector, service, log, metrics, capturing: working, interruption }, signal),
  );
}

/** Found by `check` as it is met by whoever works with it. */
function found(code: string, change: (pipeline: Pipeline) => Configuration, words: RegExp, cure: RegExp) {
  return {
    codes: [code],
    run: async (): Promise<string[]> => {
      const findings = await faults(change(untouched));
      expect(findings.map(({ what }) => what)).toEqual([expect.stringMatching(words)]);
      expect(findings[0]!.cure).toMatch(cure);
      expect(await faults(untouched.configuration)).toEqual([]);
      return findings.map((each) => each.code ?? "check");
    },
  };
}

/** What answers at registry.url says this until it is exchanged: `check`, `up` and the connector are told, and then the event arrives. */
function notRegistry(answer: RequestListener, words: RegExp, code = "REGISTRY_REFUSED", cure = /\/apis\/ccompat\/v7/) {
  return {
    codes: [code, code, code],
    run: async (): Promise<string[]> => {
      await using server = await httpServer(answer);
      await using pipeline = await createPipeline(schema);
      const wrong = withRegistry(pipeline, `http://127.0.0.1:${server.port}/`);
      const [finding] = await faults(wrong);
      expect([finding?.what, finding?.cure]).toEqual([expect.stringMatching(words), expect.stringMatching(cure)]);
      const { up } = await import("../../../services/cli/up.ts");
      const terminal = { json: true, progress: () => {}, answer: () => {} };
      const upped = told(await errorOf(up(wrong, { createTables: true }, terminal, new AbortController().signal)), words, cure);
      await pipeline.up();
      await pipeline.source.query("INSERT INTO trades VALUES (1, 'meanwhile')");
      const started = told(await connectorOf(pipeline, wrong).ended, words, cure);
      await works(pipeline);
      return [finding?.code ?? "check", upped, started];
    },
  };
}

/** The registry of the run, but for what this answers instead of it. @returns what is forwarded when it is undefined */
function registryBut(instead: (method: string, path: string) => { status: number; body: string } | undefined): RequestListener {
  const real = new URL(inject("registry"));
  return (request, response) => {
    const refused = instead(request.method ?? "", request.url ?? "");
    if (refused !== undefined) {
      request.resume();
      response.writeHead(refused.status, { "content-type": "application/vnd.schemaregistry.v1+json" }).end(refused.body);
      return;
    }
    const { method, url, headers } = request;
    const forwarded = httpRequest({ host: real.hostname, port: real.port, path: `${real.pathname}${url}`, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forwarded);
  };
}

/** The registry refuses the schema of a table that is new to it; then it takes it, and the event arrives. */
function refusesSchema(code: string, answer: { status: number; body: string }, words: RegExp, cure: RegExp) {
  return {
    codes: [code],
    run: async (): Promise<string[]> => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      let refuses = true;
      await using server = await httpServer(
        registryBut((method, path) => (refuses && method === "POST" && path.includes("trades") ? answer : undefined)),
      );
      const configuration = withRegistry(pipeline, `http://127.0.0.1:${server.port}/`);
      await using stopping = connectorOf(pipeline, configuration);
      await stopping.working;
      await pipeline.source.query("INSERT INTO trades VALUES (1, 'meanwhile')");
      const met = told(await stopping.ended, words, cure);
      refuses = false;
      await using connector = connectorOf(pipeline, configuration);
      await using applier = pipeline.startApplier();
      await caughtUp(pipeline, [connector, applier]);
      expect(await stateOf(pipeline.target, { trades: "id" })).toEqual({ trades: ["(1,meanwhile)"] });
      return [met];
    },
  };
}

/** Kafka's own program, as an operator runs it. */
async function kafkaConfigs(command: string): Promise<void> {
  const [program, ...args] = command.split(" ");
  expect(program).toBe("kafka-configs");
  const jars = fetchedJars();
  if (jars === undefined) throw new Error("Kafka's jars are not there");
  await promisify(execFile)(findJava().command, [
    "-Xshare:auto",
    "-XX:TieredStopAtLevel=1",
    "-cp",
    join(jars.kafka, "*"),
    "kafka.admin.ConfigCommand",
    ...args,
  ]);
}

/** A record that is no event of Offtake's, between two that are: the applier has the first, names the second, and has it when it is gone. */
function foreign(value: (pipeline: Pipeline) => Promise<Buffer | null>, words: RegExp) {
  return {
    codes: ["EVENT_MALFORMED"],
    run: async (): Promise<string[]> => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      await using connector = pipeline.startConnector();
      await using first = pipeline.startApplier();
      await pipeline.source.query("INSERT INTO trades VALUES (1, 'before')");
      await caughtUp(pipeline, [connector, first]);
      await first.stop();
      const { topic } = pipeline.service;
      const producer = new Kafka({ brokers: inject("kafka"), logLevel: logLevel.NOTHING }).producer();
      await producer.connect();
      const [sent] = await producer.send({ topic, messages: [{ key: "k", value: await value(pipeline) }] });
      await producer.disconnect();
      const offset = Number(sent?.baseOffset);
      await pipeline.source.query("INSERT INTO trades VALUES (2, 'after')");
      await waitFor(async () => (await offsetRange(cluster, topic)).end > offset + 1, { what: "the event behind it" });
      await connector.stop();
      const error: OfftakeError | undefined = await pipeline.startApplier().ended;
      const met = told(error, words, /kafka-delete-records/);
      expect(error?.message).toContain(`offset ${offset} of the topic ${topic}`);
      const [, content = ""] = /kafka-delete-records .*?'(\{.*\})'/.exec(error?.cure ?? "") ?? [];
      const { partitions }: { partitions: { topic: string; partition: number; offset: number }[] } = JSON.parse(content);
      await cluster.admin.deleteRecords({
        topics: partitions.map((each) => ({ name: each.topic, partitions: [{ partition: each.partition, offset: BigInt(each.offset) }] })),
      });
      await markNeedsCopy(pipeline.target, pipeline.connector.name, ["public.trades"], "it had rows before");
      await works(pipeline);
      // What went with it may have been rows of a copy, for all that anybody knows.
      expect(await readMarks(pipeline.target, pipeline.connector.name)).toEqual([
        { table: "public.trades", reason: expect.stringMatching(/^it had rows before; records of the topic were removed before they were applied/) },
      ]);
      return [met];
    },
  };
}

const cases: BadInputs = {
  "Kafka is away at the start": { codes: ["KAFKA_UNREACHABLE"], held: "when Kafka was away at the start" },
  "Kafka is away while everything runs": { codes: ["KAFKA_UNREACHABLE"], held: "when Kafka was away, and goes on from the very event" },
  "No broker of the list answers": found(
    "KAFKA_UNREACHABLE",
    (it) => withKafka(it, { brokers: ["127.0.0.1:1", "127.0.0.1:2"] }),
    /ECONNREFUSED/,
    /Is the broker up/,
  ),
  "A broker of the list answers": {
    codes: [],
    run: async () => {
      expect(await faults(withKafka(untouched, { brokers: ["127.0.0.1:1", ...inject("kafka")] }))).toEqual([]);
      return [];
    },
  },
  "The broker's host is not known": found(
    "KAFKA_UNREACHABLE",
    (it) => withKafka(it, { brokers: ["kafka.invalid:9092"] }),
    /ENOTFOUND|EAI_AGAIN/,
    /No such host/,
  ),
  "The port is PostgreSQL's": found(
    "KAFKA_UNREACHABLE",
    (it) => withKafka(it, { brokers: [`127.0.0.1:${new URL(it.sourceUrl).port}`] }),
    /Connection closed/,
    /another server/,
  ),
  "TLS is asked of a broker that has none": found(
    "KAFKA_UNREACHABLE",
    (it) => withKafka(it, { tls: { serverName: "kafka" } }),
    /secure TLS connection/,
    /take `tls` out of `kafka`/,
  ),
  "A login is asked of a broker that has none": found(
    "KAFKA_REFUSED",
    (it) => withKafka(it, { sasl: { mechanism: "plain", username: "me", password: new Secret("hidden") } }),
    /ILLEGAL_SASL_STATE/,
    /take `sasl` out of `kafka`/,
  ),
  "The registry is away at the start": found(
    "REGISTRY_UNREACHABLE",
    (it) => withRegistry(it, `http://127.0.0.1:${nobody}/`),
    /ECONNREFUSED/,
    /Is it up/,
  ),
  "The registry is away while everything runs": { codes: ["REGISTRY_UNREACHABLE"], held: "when the registry was away just as a new table came" },
  "The registry's URL is that of a web page": notRegistry(
    (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>Welcome</html>"),
    /is no schema registry: it answers with a page/,
  ),
  "The registry's path is wrong": notRegistry((_, response) => response.writeHead(404).end(), /is no schema registry: 404 for \/subjects/),
  "The registry answers 5xx": notRegistry(
    (_, response) => response.writeHead(503, { "content-type": "application/json" }).end('{"error_code":50003,"message":"no leader"}'),
    /did not .*: no leader/,
    "REGISTRY_UNREACHABLE",
    /Is it up/,
  ),
  "The registry's URL asks for TLS, and it has none": found(
    "REGISTRY_REFUSED",
    (it) => withRegistry(it, inject("registry").replace("http:", "https:")),
    /it speaks no TLS/,
    /registry\.url says https/,
  ),
  "The registry's URL ends with slashes": {
    codes: [],
    run: async () => {
      expect(await faults(withRegistry(untouched, `${inject("registry")}//`))).toEqual([]);
      return [];
    },
  },
  "The registry refuses a schema as incompatible": refusesSchema(
    "SCHEMA_REFUSED",
    { status: 409, body: '{"error_code":409,"message":"Schema being registered is incompatible with an earlier schema"}' },
    /refuses the schema of \S+\.trades\.\w+: Schema being registered is incompatible/,
    /PUT \{"compatibility": "NONE"\} to \/config\/\S+trades/,
  ),
  "The registry is read-only": refusesSchema(
    "REGISTRY_REFUSED",
    { status: 422, body: '{"error_code":42205,"message":"Subject is in read-only mode"}' },
    /takes no schema of \S+\.trades\.\w+ just now: Subject is in read-only mode/,
    /PUT \{"mode": "READWRITE"\} to \/mode/,
  ),
  "The topic was made with a `max.message.bytes` that is too small, which is the broker's": {
    codes: ["check", "TOPIC_UNSUITABLE"],
    run: async () => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      await cluster.admin.alterConfigs({
        resources: [{ resourceType: 2, resourceName: pipeline.service.topic, configs: [{ name: "cleanup.policy", value: "delete" }] }],
      });
      const [finding] = await faults(pipeline.configuration);
      expect(finding).toMatchObject({
        what: expect.stringMatching(/takes batches of \d+ bytes, and kafka\.maxEvent/),
        cure: expect.stringContaining("--add-config max.message.bytes="),
      });
      const met = told(await pipeline.startConnector().ended, /takes batches of \d+ bytes/, /^kafka-configs --bootstrap-server/);
      expect(await pipeline.up()).toMatchObject({ topic: "raised" });
      await works(pipeline);
      return [finding?.code ?? "check", met];
    },
  },
  "The topic is compacted": {
    codes: ["check", "TOPIC_UNSUITABLE"],
    run: async () => {
      await using pipeline = await createPipeline(schema);
      await freshTopic(cluster, { "cleanup.policy": "compact" }, pipeline.service.topic);
      const met = told(await errorOf(pipeline.up()), /has cleanup\.policy=compact/, /^kafka-configs --bootstrap-server/);
      const findings = await faults(pipeline.configuration);
      expect(findings.map(({ what }) => what)).toEqual([expect.stringContaining("has cleanup.policy=compact")]);
      await kafkaConfigs(findings[0]!.cure);
      expect(await faults(pipeline.configuration)).toEqual([]);
      await pipeline.up();
      await works(pipeline);
      return ["check", met];
    },
  },
  "The topic has plain text of somebody else": foreign(async () => Buffer.from("hello, world"), /was not written by Offtake/),
  "The topic has a tombstone of another product": foreign(async () => null, /was not written by Offtake/),
  "The topic has another producer's Avro": foreign(
    async ({ connector }) => avroOf(connector.name, { type: "record", name: "Order", fields: [{ name: "id", type: "long" }] }, Buffer.from([0x54])),
    /the schema .*Order is not one of Offtake's envelopes/i,
  ),
  "The topic has an event of Debezium's": foreign(async ({ connector }) => {
    const row = { type: "record", name: "Value", fields: [{ name: "id", type: "long" }] };
    const source = { type: "record", name: "Source", fields: [{ name: "lsn", type: "long" }] };
    const fields = [
      { name: "before", type: ["null", row] },
      { name: "after", type: ["null", "Value"] },
      { name: "source", type: source },
      { name: "op", type: "string" },
    ];
    // before: null; after: id 42; source.lsn 1; op c
    const value = Buffer.from([0, 2, 0x54, 2, 2, 0x63]);
    return avroOf(connector.name, { type: "record", name: "Envelope", namespace: "server.public.trades", fields }, value);
  }, /is not one of Offtake's envelopes/i),
};

/** Confluent's wire format, under a schema that is registered. */
async function avroOf(name: string, avro: unknown, value: Buffer): Promise<Buffer> {
  const answer = await fetch(`${inject("registry")}/subjects/${name}-foreign/versions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ schema: JSON.stringify(avro) }),
  });
  const { id }: { id: number } = JSON.parse(await answer.text());
  const head = Buffer.alloc(5);
  head.writeUInt32BE(id, 1);
  return Buffer.concat([head, value]);
}

describeBadInput("Kafka, registry and topic", cases);
