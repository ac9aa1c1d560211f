/** A connector that runs: restarts, connections that break, heartbeats, what is confirmed to the slot. */
import { afterAll, describe, expect, inject, test } from "vitest";
import { runConnector } from "../../../connectors/postgres/connector.ts";
import { parseLsn } from "../../../connectors/postgres/lsn.ts";
import { readSlot } from "../../../connectors/postgres/slot.ts";
import type { Configuration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { chainFaults, TopicEvents } from "../../support/topic-events.ts";
import { testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

function startWith(pipeline: Pipeline, changed: Partial<Configuration>): RunningUnit {
  const { connector, service, metrics } = pipeline;
  const configuration = { ...pipeline.configuration, ...changed };
  return startUnit(async ({ log, working, interruption, signal }) =>
    runConnector({ configuration, connector, service, log, metrics, capturing: working, interruption }, signal),
  );
}

/** Through a proxy in front of the source. */
function behind(proxy: TcpProxy, url: string): { url: Secret; maxRetainedWalBytes: number } {
  const changed = new URL(url);
  changed.port = String(proxy.port);
  return { url: new Secret(changed.href), maxRetainedWalBytes: 1 << 30 };
}

async function proxyOf(url: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(url);
  return TcpProxy.start(() => ({ host: hostname, port: Number(port) }));
}

async function confirmed(pipeline: Pipeline): Promise<bigint> {
  return (await readSlot(pipeline.source, pipeline.connector.slot))!.confirmedFlush;
}

/** Writes transactions of one to five rows, one after the other, until it is stopped. */
function startLoad(pipeline: Pipeline): { stop: () => Promise<number> } {
  const over = new AbortController();
  const running = (async () => {
    let rows = 0;
    for (let n = 0; !over.signal.aborted; n += 1) {
      const size = 1 + (n % 5);
      await pipeline.source.query("INSERT INTO t SELECT $1::int + i, repeat('x', 500) FROM generate_series(1, $2::int) i", [rows, size]);
      rows += size;
    }
    return rows;
  })();
  return {
    async stop() {
      over.abort();
      return running;
    },
  };
}

/** That the topic has the rows 1 to n, each once, in their order, in whole transactions. */
async function expectWhole(topic: TopicEvents, rows: number): Promise<void> {
  const events = await topic.drained();
  expect(chainFaults(topic.records)).toEqual([]);
  expect(events.map(({ after }) => after?.["id"])).toEqual(Array.from({ length: rows }, (_, i) => i + 1));
}

const schema = "CREATE TABLE t (id int PRIMARY KEY, note text)";

describe("a connector that starts again", () => {
  test("after it was stopped goes on without a gap, and puts nothing into the topic twice", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await using topic = new TopicEvents(pipeline);
    const load = startLoad(pipeline);
    for (let start = 0; start < 5; start += 1) {
      await using connector = pipeline.startConnector();
      await connector.working;
      const before = (await topic.read()).events.length;
      await waitFor(async () => (await topic.read()).events.length > before, { what: "events of this start" });
      await connector.stop();
    }
    const rows = await load.stop();
    await using connector = pipeline.startConnector();
    await connector.working;
    await expectWhole(topic, rows);
    await connector.stop();
  });

  test("after its walsender was terminated, again and again", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await using topic = new TopicEvents(pipeline);
    const load = startLoad(pipeline);
    for (let start = 0; start < 4; start += 1) {
      await using connector = pipeline.startConnector();
      await connector.working;
      const before = (await topic.read()).events.length;
      await waitFor(async () => (await topic.read()).events.length > before, { what: "events of this start" });
      await pipeline.source.query("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1", [
        pipeline.connector.slot,
      ]);
      expect(await connector.ended).toMatchObject({ code: "SOURCE_UNREACHABLE", retry: "yes" });
    }
    const rows = await load.stop();
    await using connector = pipeline.startConnector();
    await connector.working;
    await expectWhole(topic, rows);
    await connector.stop();
  });

  test("after its connection was cut in the middle of whatever it was reading", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await using topic = new TopicEvents(pipeline);
    await using proxy = await proxyOf(pipeline.sourceUrl);
    const load = startLoad(pipeline);
    for (let start = 0; start < 6; start += 1) {
      await using connector = startWith(pipeline, { source: behind(proxy, pipeline.sourceUrl) });
      await connector.working;
      proxy.cutAfter("back", 5000 + start * 7919);
      expect(await connector.ended).toMatchObject({ code: "SOURCE_UNREACHABLE" });
    }
    const rows = await load.stop();
    await using connector = pipeline.startConnector();
    await connector.working;
    await expectWhole(topic, rows);
    await connector.stop();
  });

  test("in the middle of a transaction of which a part is in the topic, publishes the rest of it", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await using topic = new TopicEvents(pipeline);
    await using proxy = await proxyOf(pipeline.sourceUrl);
    await using first = startWith(pipeline, { source: behind(proxy, pipeline.sourceUrl) });
    await first.working;
    // Ten megabytes, in batches of one, of which six are sent: cut only when some of them have arrived, since a cut takes what is on its way with it.
    // The table is looked up in the catalog at its first row, behind the same proxy: the answer is not to be held.
    await pipeline.source.query("INSERT INTO t VALUES (1, 'x')");
    await topic.drained();
    proxy.holdAfter("back", 6_000_000);
    await pipeline.source.query("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(2, 10000) i");
    await waitFor(async () => (await topic.read()).events.length > 1000, { what: "a part of the transaction to be in the topic" });
    proxy.cut();
    expect(await first.ended).toMatchObject({ code: "SOURCE_UNREACHABLE" });
    const part = (await topic.read()).events;
    expect(part.length).toBeLessThan(10_000);
    expect(part.slice(1).some(({ offtake }) => offtake.last)).toBe(false);
    await using second = pipeline.startConnector();
    await second.working;
    await expectWhole(topic, 10_000);
    await second.stop();
  });

  test("in the middle of a transaction does not go on where another publication counts its changes otherwise: it would leave a row out", async () => {
    await using pipeline = await createPipeline(`${schema}; CREATE TABLE other (id int)`, { tables: ["t"] });
    await pipeline.up();
    const { publication } = pipeline.connector;
    await pipeline.source.query(`CREATE PUBLICATION ${publication}_other FOR TABLE t; ALTER PUBLICATION ${publication} ADD TABLE other`);
    await using topic = new TopicEvents(pipeline);
    await using proxy = await proxyOf(pipeline.sourceUrl);
    await using first = startWith(pipeline, { source: behind(proxy, pipeline.sourceUrl) });
    await first.working;
    await pipeline.source.query("INSERT INTO t VALUES (0, 'x')");
    const before = (await topic.drained()).length;
    proxy.holdAfter("back", 3_000_000);
    await pipeline.source.query(
      "BEGIN; INSERT INTO other VALUES (1); INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) i; COMMIT",
    );
    await waitFor(async () => (await topic.read()).events.length > before, { what: "a part of the transaction to be in the topic" });
    proxy.cut();
    expect(await first.ended).toMatchObject({ code: "SOURCE_UNREACHABLE" });
    const part = (await topic.read()).events.length;
    await using second = pipeline.startConnector({ publication: `${publication}_other` });
    expect(await second.ended).toMatchObject({ code: "TAIL_DIFFERS" });
    expect((await topic.read()).events).toHaveLength(part);
  });
});

describe("a source that says nothing", () => {
  test("is given up after twice of wal_sender_timeout, and not before", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    // Of this database only, in milliseconds: the connector asks what it is.
    await pipeline.source.query(`ALTER DATABASE ${pipeline.connector.slot} SET wal_sender_timeout = 1000`);
    await using proxy = await proxyOf(pipeline.sourceUrl);
    await using connector = startWith(pipeline, { source: behind(proxy, pipeline.sourceUrl) });
    await connector.working;
    // Quiet, but there: the server answers what it is asked.
    const patience = performance.now() + 3500;
    await waitFor(() => performance.now() > patience, { what: "three and a half timeouts to pass" });
    proxy.swallow("back");
    const silentAt = performance.now();
    expect(await connector.ended).toMatchObject({ code: "SOURCE_UNREACHABLE", message: expect.stringContaining("has sent nothing for 2 s") });
    expect(performance.now() - silentAt).toBeGreaterThan(1000);
  });
});

describe("what is confirmed to the slot", () => {
  test("never passes the topic's tail, and reaches it once all is quiet", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    const opened = await confirmed(pipeline);
    await using connector = pipeline.startConnector();
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    const load = startLoad(pipeline);
    let looks = 0;
    let moved = 0n;
    const passed: string[] = [];
    await waitFor(
      async () => {
        const before = await confirmed(pipeline);
        const tail = BigInt((await topic.read()).records.findLast(({ offtake }) => offtake.last)?.offtake.commit_lsn ?? opened);
        // Kept for the end: what is thrown here only means "not yet".
        if (before > tail) passed.push(`confirmed ${before}, tail ${tail}`);
        looks += 1;
        moved = before;
        return looks >= 50 && topic.events.length > 500;
      },
      { what: "fifty looks at slot and topic" },
    );
    await load.stop();
    await topic.drained();
    expect(passed).toEqual([]);
    expect(moved).toBeGreaterThan(0n);
    const tail = BigInt(topic.records.at(-1)!.offtake.commit_lsn);
    await waitFor(async () => (await confirmed(pipeline)) === tail, { what: "the slot to be at the tail" });
    await connector.stop();
  });

  test("moves with heartbeats where the service's own tables are quiet, and not without them", async () => {
    await using pipeline = await createPipeline(`${schema}; CREATE TABLE busy (id int)`, { tables: ["t"] });
    await pipeline.up();
    await using topic = new TopicEvents(pipeline);
    await using silent = pipeline.startConnector();
    await silent.working;
    const start = await confirmed(pipeline);
    await pipeline.source.query("INSERT INTO busy SELECT generate_series(1, 1000)");
    const { rows } = await pipeline.source.query<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn");
    const head = parseLsn(rows[0]!.lsn);
    await silent.stop();
    expect(await confirmed(pipeline)).toBe(start);
    expect((await topic.read()).records.filter(({ message }) => message?.content.toString().includes("heartbeat"))).toEqual([]);

    await using beating = pipeline.startConnector({ heartbeatEveryMs: 100 });
    await beating.working;
    await waitFor(async () => (await confirmed(pipeline)) > head, { what: "the slot to pass what the others wrote" });
    const beats = (await topic.read()).records.filter(({ message }) => message?.content.toString().includes("heartbeat"));
    const content: { kind: string; at: number } = JSON.parse(beats[0]!.message!.content.toString());
    // The source's clock, in microseconds.
    expect(Math.abs(content.at / 1000 - Date.now())).toBeLessThan(60_000);
    expect(beats[0]!.key).toBeUndefined();
    expect(chainFaults(topic.records)).toEqual([]);
    await beating.stop();
  });

  test("is told before a stop ends: nothing comes again that was acknowledged", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await using topic = new TopicEvents(pipeline);
    await using connector = pipeline.startConnector();
    await connector.working;
    await pipeline.source.query("INSERT INTO t VALUES (1, 'a')");
    await waitFor(async () => (await topic.read()).events.length === 1, { what: "the event" });
    await connector.stop();
    expect(await confirmed(pipeline)).toBe(BigInt(topic.events[0]!.offtake.commit_lsn));
  });
});

test("messages of others are left out, forged markers too: only heartbeats travel", async () => {
  await using pipeline = await createPipeline(schema);
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await connector.working;
  await using topic = new TopicEvents(pipeline);
  const forged = JSON.stringify({
    kind: "take-over",
    connector: "x",
    slot: "x",
    systemIdentifier: "1",
    timeline: 1,
    history: [],
    commitLsn: "99999999999",
    sequence: 1,
    last: true,
  });
  for (const [transactional, prefix, content] of [
    [true, "offtake", forged],
    [true, "offtake", '{"kind":"barrier"}'],
    [true, "offtake", "not JSON"],
    [true, "audit", '{"kind":"heartbeat","at":1}'],
    [false, "offtake", '{"kind":"heartbeat","at":1}'],
  ] as const)
    await pipeline.source.query("SELECT pg_logical_emit_message($1, $2, $3)", [transactional, prefix, content]);
  await pipeline.source.query(
    "BEGIN; INSERT INTO t VALUES (1, 'a'); SELECT pg_logical_emit_message(true, 'other', 'x'); INSERT INTO t VALUES (2, 'b'); COMMIT",
  );
  await topic.drained();
  // The marker of this start, the two rows, and the heartbeat that shows the end.
  expect(topic.records.slice(2).map(({ op, offtake }) => `${op}${offtake.sequence}`)).toEqual(["m0", "c1", "c3", "m1"]);
  expect(chainFaults(topic.records)).toEqual([]);
  expect(connector.log.filter(({ msg }) => msg?.includes("that is no heartbeat") === true).length).toBeGreaterThan(0);
  await connector.stop();
});

test("a registry that goes away stops nothing that is known; a new table waits for it, and ends the connector until it is back", async () => {
  await using pipeline = await createPipeline(`${schema}; CREATE TABLE u (id int PRIMARY KEY)`);
  await pipeline.up();
  const { hostname, port, pathname } = new URL(inject("registry"));
  await using proxy = await TcpProxy.start(() => ({ host: hostname, port: Number(port) }));
  const registry = { url: new Secret(`http://127.0.0.1:${proxy.port}${pathname}`) };
  await using topic = new TopicEvents(pipeline);
  await using connector = startWith(pipeline, { registry });
  await connector.working;
  await pipeline.source.query("INSERT INTO t VALUES (1, 'a')");
  await topic.drained();
  await proxy[Symbol.asyncDispose]();
  await pipeline.source.query("INSERT INTO t VALUES (2, 'b')");
  expect(await topic.drained()).toHaveLength(2);
  await pipeline.source.query("INSERT INTO u VALUES (3)");
  expect(await connector.ended).toMatchObject({ code: "REGISTRY_UNREACHABLE", retry: "yes" });
  await using again = pipeline.startConnector();
  await again.working;
  expect((await topic.drained()).map(({ after }) => after?.["id"])).toEqual([1, 2, 3]);
  expect(chainFaults(topic.records)).toEqual([]);
  await again.stop();
});

test("its metrics say what is durable in Kafka, and how the slot is", async () => {
  await using pipeline = await createPipeline(schema);
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await connector.working;
  await using topic = new TopicEvents(pipeline);
  await pipeline.source.query("INSERT INTO t SELECT i, 'a' FROM generate_series(1, 10) i");
  await topic.drained();
  const tail = topic.records.at(-1)!.offtake.commit_lsn;
  const value = async (name: string): Promise<number | undefined> => {
    const metric = await pipeline.metrics.registry.getSingleMetric(name)?.get();
    return metric?.values.find(({ labels }) => labels["connector"] === pipeline.connector.name)?.value;
  };
  await waitFor(async () => (await value("offtake_capture_position_bytes")) === tail, { what: "the position" });
  expect(await value("offtake_capture_events_total")).toBe(11);
  expect(await value("offtake_capture_transactions_total")).toBe(2);
  expect(await value("offtake_capture_lag_seconds")).toBe(0);
  expect(await value("offtake_slot_active")).toBe(1);
  expect(await value("offtake_slot_retained_bytes")).toBeGreaterThanOrEqual(0);
  await connector.stop();
});
