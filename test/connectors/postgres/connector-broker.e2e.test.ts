/** A connector whose broker is killed, or does not answer: nothing is lost, nothing comes twice, and what waits does not fill its memory. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, inject, test, vi } from "vitest";
import { KafkaCluster } from "../../../connectors/kafka/cluster.ts";
import { Consumer } from "../../../connectors/kafka/consumer.ts";
import { offsetRange } from "../../../connectors/kafka/offsets.ts";
import { Registry } from "../../../connectors/kafka/registry.ts";
import { runConnector } from "../../../connectors/postgres/connector.ts";
import { readTail, type TailRecord } from "../../../connectors/postgres/tail.ts";
import { freePort } from "../../../infra/local/free-port.ts";
import { type Stack, startStack } from "../../../infra/local/stack.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { Victim } from "../../chaos/victim.ts";
import { createPipeline, type Pipeline, type Servers } from "../../support/pipeline.ts";
import { startUnit } from "../../support/running-unit.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { chainFaults, TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";
import { ProxiedCluster } from "../kafka/proxied-cluster.ts";

let own: Stack;
/** What the broker says of itself is the proxy's address: whoever produces or fetches comes by it, in other processes too. */
let proxy: TcpProxy;
let servers: Servers;

beforeAll(async () => {
  const port = await freePort();
  proxy = await TcpProxy.start(() => ({ host: "127.0.0.1", port }));
  own = await startStack({
    backend: "local",
    servers: ["kafka"],
    progress: () => {},
    ports: { kafka: port },
    settings: { kafka: { "advertised.listeners": `PLAINTEXT://127.0.0.1:${proxy.port}` } },
  });
  servers = { source: inject("source"), target: inject("target"), kafka: own.kafka.brokers, registry: inject("registry") };
});

afterEach(() => {
  vi.useRealTimers();
  proxy.release("there");
  proxy.release("back");
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await own.stop();
});

function connectorOf(pipeline: Pipeline, log: string): Victim {
  return new Victim(["--config", pipeline.file, "run", "connector", "--http-port", "0"], log);
}

test("a broker that is killed while batches of a connector are in flight loses none of them and has none twice", async () => {
  await using folder = await temporaryFolder();
  await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY, note text)", { servers });
  await pipeline.up();
  await using topic = new TopicEvents(pipeline);
  // Past the proxy, while that holds everything back.
  await using direct = await ProxiedCluster.start(own.kafka.brokers);
  const reading = new Consumer(direct, pipeline.service.topic, AbortSignal.timeout(60_000), () => {});
  const end = async (): Promise<number> => (await reading.fetch(0, { maxWaitMs: 1, maxBytes: 1 }))!.highWatermark;
  // A process with its supervisor: a broker that comes back knows only the newest batch of a producer, refuses the one before it when that is sent again, and
  // the connector then starts over.
  const connector = connectorOf(pipeline, join(folder.path, "log"));
  try {
    await pipeline.source.query("INSERT INTO t VALUES (0, 'a')");
    await waitFor(async () => (await topic.read()).events.length === 1, { what: "the first event" });
    const before = await end();
    // Five batches are on the way: the broker writes two of them and its answers arrive nowhere, it has a part of the third, and none of the others.
    proxy.hold("back");
    proxy.holdAfter("there", 2_500_000);
    // One transaction over half of the rows, and a hundred small ones.
    await pipeline.source.query("INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 10000) i");
    await pipeline.source.query(`DO $$ BEGIN FOR i IN 100..199 LOOP
      INSERT INTO t SELECT j, repeat('y', 500) FROM generate_series(i * 100 + 1, i * 100 + 100) j; COMMIT;
    END LOOP; END $$`);
    // A batch of a mebibyte has no room for more than 2097 of these.
    await waitFor(async () => (await end()) - before > 2100, { what: "the broker to have two batches" });
    reading.close();
    await own.kafka.kill();
    // Or the answers that were held back may still arrive.
    proxy.cut();
    for (const direction of ["there", "back"] as const) proxy.release(direction);
    await own.kafka.start();
    const events = await topic.drained();
    expect(chainFaults(topic.records)).toEqual([]);
    expect(events.map(({ after }) => after?.["id"])).toEqual(Array.from({ length: 20_001 }, (_, i) => i));
  } finally {
    await connector.stop();
  }
});

test("a connector that has had no proof for long that its slot is still its own sends nothing of what it has left, though the broker would take it", async () => {
  await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY, note text)", { servers });
  await pipeline.up();
  const source = new URL(pipeline.sourceUrl);
  const { hostname: host, port } = source;
  await using sourceProxy = await TcpProxy.start(() => ({ host, port: Number(port) }));
  source.port = String(sourceProxy.port);
  const { connector: which, service, metrics } = pipeline;
  const configuration = { ...pipeline.configuration, source: { ...pipeline.configuration.source, url: new Secret(source.href) } };
  await using connector = startUnit(async ({ log, working, interruption, signal }) =>
    runConnector({ configuration, connector: which, service, log, metrics, capturing: working, interruption }, signal),
  );
  await connector.working;
  proxy.hold("back");
  const passed = { source: sourceProxy.passed.back, kafka: proxy.passed.there };
  await pipeline.source.query("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 9000) i");
  await waitFor(() => sourceProxy.passed.back - passed.source > 9_000_000 && proxy.passed.there - passed.kafka >= 5 << 20, {
    what: "five batches to be on the way, and four more to wait for them",
  });
  // From here on it is asleep: the source says nothing more, and when it wakes it is forty seconds later.
  sourceProxy.hold("back");
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 40_000 });
  proxy.release("back");
  expect(await connector.ended).toMatchObject({ code: "CONNECTOR_FENCED", message: expect.stringContaining("no proof") });
  vi.useRealTimers();
  await using topic = new TopicEvents(pipeline);
  expect((await topic.read()).events.length).toBeLessThan(6000);
});

test("a server that asks for an answer is told what was received, and never that it is durable", async () => {
  await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY)", { servers });
  await pipeline.up();
  // The server asks when it has heard nothing for half of it.
  await pipeline.source.query(`ALTER DATABASE ${pipeline.connector.slot} SET wal_sender_timeout = 1000`);
  await using connector = pipeline.startConnector();
  await connector.working;
  proxy.hold("back");
  await pipeline.source.query("INSERT INTO t VALUES (1)");
  const slot = await pipeline.source.query<{ before: string }>(
    "SELECT confirmed_flush_lsn::text AS before FROM pg_replication_slots WHERE slot_name = $1",
    [pipeline.connector.slot],
  );
  const { before } = slot.rows[0]!;
  const look = async () => {
    const found = await pipeline.source.query<{ answered: string; received: boolean; flush: string; confirmed: string }>(
      `SELECT reply_time::text AS answered, write_lsn >= pg_current_wal_insert_lsn() AS received, flush_lsn::text AS flush, confirmed_flush_lsn::text AS confirmed
         FROM pg_stat_replication JOIN pg_replication_slots ON active_pid = pid WHERE slot_name = $1`,
      [pipeline.connector.slot],
    );
    return found.rows[0]!;
  };
  const answers = new Set<string>();
  let flushed = "";
  await waitFor(
    async () => {
      const { answered, received, flush, confirmed } = await look();
      if (received) answers.add(answered);
      flushed = `${flush} ${confirmed}`;
      return answers.size >= 4;
    },
    { what: "four answers to a server that has asked" },
  );
  expect(flushed).toBe(`${before} ${before}`);
  proxy.release("back");
  await waitFor(async () => (await look()).confirmed !== before, { what: "the row to be durable" });
  await connector.stop();
});

type Sending = "sending" | "held up" | "all sent";

/** Waits until the source has sent all that was committed before, or can send no more because the connector reads no more. */
async function stillness(pipeline: Pipeline): Promise<Sending> {
  const head = await pipeline.source.query<{ lsn: string }>("SELECT pg_current_wal_insert_lsn()::text AS lsn");
  let same: Sending[] = [];
  return waitFor(
    async () => {
      const { rows } = await pipeline.source.query<{ now: Sending }>(
        `SELECT CASE WHEN sent_lsn >= $2::pg_lsn THEN 'all sent' WHEN wait_event = 'WalSenderWriteData' THEN 'held up' ELSE 'sending' END AS now
           FROM pg_stat_activity JOIN pg_stat_replication USING (pid) JOIN pg_replication_slots ON active_pid = pid
          WHERE slot_name = $1`,
        [pipeline.connector.slot, head.rows[0]!.lsn],
      );
      const now = rows[0]?.now ?? "sending";
      same = same[0] === now ? [...same, now] : [now];
      // It is held up for a moment now and then while all goes on: so it is looked at often.
      return now !== "sending" && same.length >= 20 && now;
    },
    { what: "the source to have sent all, or to be held up", timeout: 60_000 },
  );
}

async function peakMegabytes(pid: number): Promise<number> {
  return Number(/VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

async function tailOf(cluster: KafkaCluster, { configuration, service }: Pipeline): Promise<{ tail: TailRecord | undefined; end: number }> {
  const consumer = new Consumer(cluster, service.topic, AbortSignal.timeout(60_000), () => {});
  try {
    const range = await offsetRange(cluster, service.topic);
    return { tail: await readTail(consumer, new Registry(configuration.registry.url), service.topic, range, range.end), end: range.end };
  } finally {
    consumer.close();
  }
}

test("a transaction of a million rows takes no more of a connector's memory than one of a hundred thousand, even while Kafka does not answer", async () => {
  await using folder = await temporaryFolder();
  await using pipeline = await createPipeline("CREATE TABLE t (id int, batch int, PRIMARY KEY (batch, id))", { servers });
  await pipeline.up();
  const cluster = new KafkaCluster(pipeline.configuration.kafka, "offtake-test");
  const connector = connectorOf(pipeline, join(folder.path, "log"));
  try {
    await waitFor(
      async () =>
        (await pipeline.source.query("SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active", [pipeline.connector.slot])).rowCount === 1,
      {
        what: "the connector to read the slot",
      },
    );
    await pipeline.source.query("INSERT INTO t VALUES (0, 0)");
    let { end } = await waitFor(
      async () => {
        const now = await tailOf(cluster, pipeline);
        return now.tail?.sequence === 1 && now;
      },
      { what: "the first event" },
    );
    const peaks: number[] = [];
    const sending: Sending[] = [];
    for (const rows of [100_000, 1_000_000]) {
      proxy.hold("back");
      await pipeline.source.query("INSERT INTO t SELECT i, $1::int FROM generate_series(1, $1::int) i", [rows]);
      sending.push(await stillness(pipeline));
      proxy.release("back");
      // Positions count the changes of a transaction: the last one of the last row, and as many records as rows, are none lost and none twice.
      const expected = { tail: { sequence: rows, last: true }, end: end + rows };
      await waitFor(async () => (await tailOf(cluster, pipeline)).tail?.sequence === rows, {
        what: "all of it to be in the topic",
        timeout: 120_000,
      });
      const now = await tailOf(cluster, pipeline);
      expect(now).toMatchObject(expected);
      end = now.end;
      peaks.push(await peakMegabytes(connector.pid));
    }
    expect(sending.at(-1)).toBe("held up");
    // Megabytes; held whole, the million would take 200.
    expect(peaks[1]! - peaks[0]!).toBeLessThan(60);
  } finally {
    proxy.release("back");
    await connector.stop();
    await cluster.close();
  }
});
