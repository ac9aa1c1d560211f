/** Two that read one slot, as real processes: one waits for the other, and one that was asleep finds another in its place. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { offsetRange } from "../../../connectors/kafka/offsets.ts";
import { ReplicationSession } from "../../../connectors/postgres/replication-stream.ts";
import { readSlot } from "../../../connectors/postgres/slot.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { Victim } from "../../chaos/victim.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import type { LogLine } from "../../support/running-unit.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { chainFaults, TopicEvents } from "../../support/topic-events.ts";
import { testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

const schema = "CREATE TABLE t (id int PRIMARY KEY, note text)";

function connectorOf(file: string, log: string): Victim {
  return new Victim(["--config", file, "run", "connector", "--http-port", "0"], log);
}

/** The errors in a process's log, in their order. */
async function errorsIn(log: string): Promise<{ code?: string; message: string }[]> {
  const lines = (await readFile(log, "utf8")).split("\n").filter((line) => line.startsWith("{"));
  return lines.flatMap((text) => {
    const line: LogLine = JSON.parse(text);
    return line.err === undefined ? [] : [line.err];
  });
}

async function codesIn(log: string): Promise<(string | undefined)[]> {
  return (await errorsIn(log)).map(({ code }) => code);
}

/** offtake.yaml of a process that reaches the source by way of the proxy. */
async function fileBehind(proxy: TcpProxy, pipeline: Pipeline, folder: string): Promise<string> {
  const url = new URL(pipeline.sourceUrl);
  url.port = String(proxy.port);
  const file = join(folder, "behind.yaml");
  await writeFile(file, (await readFile(pipeline.file, "utf8")).replace(pipeline.sourceUrl, url.href));
  return file;
}

/** That the topic has the rows 1 to n, each once, in their order. */
function expectRows(topic: TopicEvents, rows: number): void {
  expect(chainFaults(topic.records)).toEqual([]);
  expect(topic.events.map(({ after }) => after?.["id"])).toEqual(Array.from({ length: rows }, (_, i) => i + 1));
}

test("a connector that sleeps while its successor starts and publishes is refused when it wakes, puts nothing into the topic, and waits from then on", async () => {
  await using folder = await temporaryFolder();
  await using pipeline = await createPipeline(schema);
  await pipeline.up();
  const { hostname, port } = new URL(pipeline.sourceUrl);
  await using proxy = await TcpProxy.start(() => ({ host: hostname, port: Number(port) }));
  const log = join(folder.path, "log");
  const asleep = connectorOf(await fileBehind(proxy, pipeline, folder.path), log);
  let stopped = false;
  try {
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query("INSERT INTO t VALUES (1, 'a')");
    await waitFor(async () => (await topic.read()).events.length === 1, { what: "the first connector to publish" });
    process.kill(asleep.pid, "SIGSTOP");
    stopped = true;
    // Three batches full, in transactions of a row each: what it finds in its socket when it wakes, beside a connection that looks as it did.
    const passed = proxy.passed.back;
    await pipeline.source.query("DO $$ BEGIN FOR i IN 2..3000 LOOP INSERT INTO t VALUES (i, repeat('x', 1000)); COMMIT; END LOOP; END $$");
    await waitFor(() => proxy.passed.back - passed > 3_000_000, { what: "all of it to be sent" });
    proxy.abandon();
    await waitFor(async () => (await readSlot(pipeline.source, pipeline.connector.slot))?.active === false, { what: "the server to notice" });

    await using successor = pipeline.startConnector();
    await successor.working;
    await topic.drained();
    expectRows(topic, 3000);
    const before = await offsetRange(cluster, pipeline.service.topic);
    expect(await codesIn(log)).toEqual([]);
    process.kill(asleep.pid, "SIGCONT");
    stopped = false;
    await waitFor(async () => (await codesIn(log)).length > 0, { what: "the first connector to be refused" });
    expect((await errorsIn(log))[0]).toMatchObject({ code: "CONNECTOR_FENCED", message: expect.stringContaining("has taken over the topic") });
    // It starts over, and comes no further than to the slot: a producer id of its own would fence its successor.
    await waitFor(async () => (await codesIn(log)).includes("SLOT_IN_USE"), { what: "it to wait for the slot" });
    expect(await offsetRange(cluster, pipeline.service.topic)).toEqual(before);
    await pipeline.source.query("INSERT INTO t VALUES (3001, 'b')");
    await waitFor(async () => (await topic.read()).events.length === 3001, { what: "the successor to go on" });
    expectRows(topic, 3001);

    await successor.stop();
    await pipeline.source.query("INSERT INTO t VALUES (3002, 'c')");
    await waitFor(async () => (await topic.read()).events.length === 3002, { what: "the first connector to take over in its turn" });
    expectRows(topic, 3002);
    expect(new Set(await codesIn(log))).toEqual(new Set(["CONNECTOR_FENCED", "SLOT_IN_USE"]));
  } finally {
    if (stopped) process.kill(asleep.pid, "SIGCONT");
    await asleep.stop();
  }
});

test("a connector whose slot is read by somebody else names that process, touches neither slot nor topic, and goes on when it has gone", async () => {
  await using folder = await temporaryFolder();
  await using pipeline = await createPipeline(schema);
  await pipeline.up();
  const other = await ReplicationSession.open(new Secret(pipeline.sourceUrl), "somebody else");
  const reading = await other.stream(pipeline.connector.slot, pipeline.connector.publication);
  const before = await readSlot(pipeline.source, pipeline.connector.slot);
  const range = await offsetRange(cluster, pipeline.service.topic);
  await pipeline.source.query("INSERT INTO t VALUES (1, 'a')");
  const log = join(folder.path, "log");
  const connector = connectorOf(pipeline.file, log);
  try {
    const [refusal] = await waitFor(async () => (await errorsIn(log)).length > 0 && errorsIn(log), { what: "it to be refused" });
    expect(refusal).toMatchObject({ code: "SLOT_IN_USE", message: expect.stringMatching(new RegExp(`active for PID ${other.backendPid}\\b`)) });
    expect(await offsetRange(cluster, pipeline.service.topic)).toEqual(range);
    expect(await readSlot(pipeline.source, pipeline.connector.slot)).toMatchObject({
      activePid: other.backendPid,
      confirmedFlush: before!.confirmedFlush,
    });
    await reading.end();
    await using topic = new TopicEvents(pipeline);
    await waitFor(async () => (await topic.read()).events.length === 1, { what: "it to publish" });
    expectRows(topic, 1);
    expect(new Set(await codesIn(log))).toEqual(new Set(["SLOT_IN_USE"]));
  } finally {
    await reading.end();
    await connector.stop();
  }
});
