/**
 * Transactions that are in the stream before others at the source see them, and those that stay open: a copy must wait for the ones, or rows at the target stay
 * old for ever, and must not wait for the others, or it never ends.
 */
import { describe, expect, inject, test } from "vitest";
import { FailoverServer } from "../../support/failover.ts";
import { createPipeline, type Pipeline, type PipelineOptions } from "../../support/pipeline.ts";
import type { RunningUnit } from "../../support/running-unit.ts";
import { type TopicEvent, TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";
import { sourceSession, withoutStandby } from "../../support/waiting-commits.ts";
import { MemoryJournal, startCopying, tableOf } from "./copying-connector.ts";

// A server of its own: whether commits wait for a standby is the server's to say.
const server = await FailoverServer.start();
const rows = 120;
const schema = `CREATE TABLE t (id int8 PRIMARY KEY, n int); INSERT INTO t SELECT i, 0 FROM generate_series(1, ${rows}) AS i; CREATE TABLE u (id int8 PRIMARY KEY)`;

async function pipelineHere(options: PipelineOptions = {}, schemaSql = schema): Promise<Pipeline> {
  const servers = { source: server.url(), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  const pipeline = await createPipeline(schemaSql, { ...options, servers });
  await pipeline.up();
  return pipeline;
}

/** A table is looked up at its first row, and for that its transaction has to have ended. */
async function lookedUp({ source }: Pipeline, topic: TopicEvents): Promise<void> {
  await source.query("UPDATE t SET n = 0 WHERE id = 1");
  await source.query("INSERT INTO u VALUES (0)");
  await topic.drained();
}

/** Whether a heartbeat of a chunk stands behind the rows of another; those of TopicEvents have small numbers. */
function hasChunkBehind(records: readonly TopicEvent[]): boolean {
  const first = records.findIndex(({ op }) => op === "r");
  return first !== -1 && records.slice(first).some(({ message }) => /"heartbeat".*\d{12}/.test(message?.content.toString() ?? ""));
}

/** What the topic has of the table in the end, where it differs from the source. */
async function differences(pipeline: Pipeline, topic: TopicEvents): Promise<string[]> {
  const found = tableOf(await topic.drained(), "t");
  const { rows: wanted } = await pipeline.source.query<{ key: string; row: string }>(
    `SELECT format('{"id":%s}', id) AS key, format('{"id":%s,"n":%s}', id, n) AS row FROM t`,
  );
  return [
    ...wanted.filter(({ key, row }) => found.get(key) !== row).map(({ key }) => key),
    ...(found.size === wanted.length ? [] : [`${found.size} rows`]),
  ];
}

async function copiedOrWaits(journal: MemoryJournal, connector: RunningUnit): Promise<"copied" | "waits"> {
  return waitFor(
    () => {
      if (journal.job("public.t")?.state === "copied") return "copied" as const;
      return connector.log.some(({ msg }) => msg?.startsWith("the copy waits for a transaction") === true) ? ("waits" as const) : undefined;
    },
    { what: "the copy to end, or to wait" },
  );
}

describe("a transaction that waits for a synchronous standby is in the stream before others see it", () => {
  test("and before its table's copy is begun: the copy waits for it", async () => {
    await using pipeline = await pipelineHere();
    const journal = new MemoryJournal();
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await using waiting = await sourceSession(pipeline, "SET synchronous_commit = 'on'");
    await lookedUp(pipeline, topic);
    await withoutStandby(pipeline, async (letGo) => {
      const committed = waiting.query("UPDATE t SET n = 1 WHERE id = 5");
      await waitFor(async () => (await topic.read()).events.some(({ after }) => after?.["n"] === 1), { what: "the change in the topic" });
      expect((await pipeline.source.query("SELECT n FROM t WHERE id = 5")).rows).toEqual([{ n: 0 }]);
      journal.add("public.t");
      expect(await copiedOrWaits(journal, connector)).toBe("waits");
      // The stream does not wait with it.
      await pipeline.source.query("INSERT INTO u VALUES (1)");
      await waitFor(async () => (await topic.read()).events.some(({ source, after }) => source.table === "u" && after?.["id"] === 1), {
        what: "another change",
      });
      await letGo();
      await committed;
    });
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
    expect(await differences(pipeline, topic)).toEqual([]);
    await connector.stop();
  });

  test("and before the chunk with its row is read: the chunk waits for it", async () => {
    await using pipeline = await pipelineHere();
    const journal = new MemoryJournal("public.t");
    const held = Promise.withResolvers<void>();
    journal.before = async (call) => (call === "progress" ? held.promise : undefined);
    await using connector = startCopying(pipeline, journal, { maxRowsPerSecond: rows / 3 });
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await using waiting = await sourceSession(pipeline, "SET synchronous_commit = 'on'");
    await lookedUp(pipeline, topic);
    await withoutStandby(pipeline, async (letGo) => {
      await waitFor(async () => (await topic.read()).events.some(({ op }) => op === "r"), { what: "the first chunk" });
      // Of the third: the second may be read already.
      const committed = waiting.query("UPDATE t SET n = 1 WHERE id = $1", [rows]);
      await waitFor(async () => (await topic.read()).events.some(({ after }) => after?.["n"] === 1), { what: "the change in the topic" });
      held.resolve();
      expect(await copiedOrWaits(journal, connector)).toBe("waits");
      await letGo();
      await committed;
    });
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
    expect(await differences(pipeline, topic)).toEqual([]);
    await connector.stop();
  });

  test("and after the chunk with its row was read: the row before it is left out", async () => {
    await using pipeline = await pipelineHere();
    const journal = new MemoryJournal("public.t");
    const held = Promise.withResolvers<void>();
    journal.before = async (call) => (call === "progress" ? held.promise : undefined);
    await using connector = startCopying(pipeline, journal, { maxRowsPerSecond: rows / 2 });
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await using waiting = await sourceSession(pipeline, "SET synchronous_commit = 'on'");
    await lookedUp(pipeline, topic);
    await withoutStandby(pipeline, async (letGo) => {
      // A chunk's heartbeat behind the first chunk's rows shows that the second was read; it is held back by the journal.
      await waitFor(async () => hasChunkBehind((await topic.read()).records), { what: "two chunks" });
      const committed = waiting.query("UPDATE t SET n = 1 WHERE id = $1", [rows]);
      await waitFor(async () => (await topic.read()).events.some(({ after }) => after?.["n"] === 1), { what: "the change in the topic" });
      held.resolve();
      await waitFor(() => journal.job("public.t")?.lastKey?.[0] === String(rows), { what: "the second chunk" });
      await letGo();
      await committed;
    });
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
    expect(await differences(pipeline, topic)).toEqual([]);
    expect(topic.events.filter(({ op }) => op === "r")).toHaveLength(rows - 1);
    await connector.stop();
  });
});

test("a transaction that waits for a synchronous standby and has a table's first row holds up the stream, and it is said who waits for what", async () => {
  await using pipeline = await pipelineHere();
  await using connector = startCopying(pipeline, new MemoryJournal());
  await connector.working;
  await using topic = new TopicEvents(pipeline);
  await using waiting = await sourceSession(pipeline, "SET synchronous_commit = 'on'");
  const { rows: own } = await waiting.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const lag = async (): Promise<number> => (await pipeline.metrics.captureLagSeconds.get()).values[0]!.value;
  await withoutStandby(pipeline, async (letGo) => {
    const committed = waiting.query("UPDATE t SET n = 1 WHERE id = 5");
    const reason = await waitFor(() => connector.interruption.reason, { what: "the connector to say that it is held up" });
    expect(reason).toMatch(/^for \d+ s: SOURCE_COMMIT_WAITS: The stream waits before a row of public\.t: its transaction \d+ is committed/);
    expect(reason).toMatch(new RegExp(`The backend ${own[0]!.pid} of the role \\S+ waits for a synchronous standby that does not answer\\.`));
    expect(connector.log.filter(({ err }) => err?.code === "SOURCE_COMMIT_WAITS")).toHaveLength(1);
    expect(await lag()).toBeGreaterThan(1);
    await letGo();
    await committed;
  });
  await waitFor(async () => connector.interruption.reason === undefined && (await lag()) === 0, { what: "the stream to go on" });
  expect((await topic.drained()).map(({ op, source }) => `${op} ${source.table}`)).toEqual(["u t"]);
  await connector.stop();
});

describe("a row that a transaction brings which waits for a synchronous standby, while a repair asks for its key", () => {
  test("before the keys are read: they wait for it, and nothing deletes the row", async () => {
    await using pipeline = await pipelineHere();
    const journal = new MemoryJournal();
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await using waiting = await sourceSession(pipeline, "SET synchronous_commit = 'on'");
    await lookedUp(pipeline, topic);
    await withoutStandby(pipeline, async (letGo) => {
      const committed = waiting.query("INSERT INTO t VALUES (500, 1)");
      await waitFor(async () => (await topic.read()).events.some(({ after }) => after?.["id"] === 500), { what: "the row in the topic" });
      journal.add("public.t", ["id"], [["500"], ["501"]]);
      await waitFor(() => journal.job("public.t")!.waits.length > 0, { what: "the keys to wait" });
      await letGo();
      await committed;
    });
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the keys" });
    const events = (await topic.drained()).flatMap(({ op, key, source }) =>
      source.table === "t" && Number(key?.["id"]) >= 500 ? [`${op} ${Number(key?.["id"])}`] : [],
    );
    expect(events).toEqual(["c 500", "d 501", "r 500"]);
    await connector.stop();
  });
});

describe("a write transaction that stays open during the whole copy", () => {
  test.each([
    { what: "and waits for its client", before: "BEGIN; UPDATE t SET n = 7 WHERE id = 3; DELETE FROM t WHERE id = 4", busy: false },
    { what: "in one statement, and has written to another table", before: "BEGIN; INSERT INTO u VALUES (9)", busy: true },
  ])("$what does not stop it", async ({ before, busy }) => {
    await using pipeline = await pipelineHere();
    const journal = new MemoryJournal();
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await using open = await sourceSession(pipeline, before);
    await pipeline.source.query("SELECT pg_advisory_lock(1)");
    const statement = busy ? open.query("SELECT pg_advisory_lock(1)") : undefined;
    journal.add("public.t");
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
    await pipeline.source.query("SELECT pg_advisory_unlock(1)");
    await statement;
    await open.query("COMMIT");
    expect(await differences(pipeline, topic)).toEqual([]);
    await connector.stop();
  });

  test("in one statement since before it was begun is waited for, since it may be in its commit; no longer than that statement", async () => {
    await using pipeline = await pipelineHere();
    const journal = new MemoryJournal();
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    const { source } = pipeline;
    await using open = await sourceSession(pipeline, "BEGIN; UPDATE t SET n = 7 WHERE id = 3");
    await source.query("SELECT pg_advisory_lock(1), pg_advisory_lock(2)");
    const first = open.query("SELECT pg_advisory_lock(1)");
    const second = open.query("SELECT pg_advisory_lock(2)");
    await waitFor(async () => (await source.query("SELECT FROM pg_stat_activity WHERE wait_event = 'advisory'")).rowCount === 1, {
      what: "its statement",
    });
    journal.add("public.t");
    expect(await copiedOrWaits(journal, connector)).toBe("waits");
    await source.query("SELECT pg_advisory_unlock(1)");
    await first;
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
    await source.query("SELECT pg_advisory_unlock(2)");
    await second;
    await open.query("COMMIT");
    expect(await differences(pipeline, topic)).toEqual([]);
    await connector.stop();
  });

  test("as a prepared one does not stop it", async () => {
    await using pipeline = await pipelineHere();
    const journal = new MemoryJournal();
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query("BEGIN; UPDATE t SET n = 7 WHERE id = 3; PREPARE TRANSACTION 'open'");
    journal.add("public.t");
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
    await pipeline.source.query("COMMIT PREPARED 'open'");
    expect(await differences(pipeline, topic)).toEqual([]);
    await connector.stop();
  });
});

test("a source that has too much to do is left alone until it has less, and it is said what the copy waits for", async () => {
  await using pipeline = await pipelineHere();
  const journal = new MemoryJournal();
  await using connector = startCopying(pipeline, journal, { maxActiveSessions: 1 });
  await connector.working;
  await using topic = new TopicEvents(pipeline);
  await using first = await sourceSession(pipeline);
  await using second = await sourceSession(pipeline);
  await pipeline.source.query("SELECT pg_advisory_lock(1)");
  const busy = [first, second].map(async (each) => each.query("SELECT pg_advisory_lock_shared(1)"));
  await waitFor(async () => (await pipeline.source.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).rowCount === 2, {
    what: "two sessions that are busy",
  });
  journal.add("public.t");
  await waitFor(() => journal.job("public.t")!.waits.length > 0, { what: "the copy to wait" });
  expect(journal.job("public.t")!.waits).toEqual(["the source to have less to do: 2 sessions are active, and snapshot.maxActiveSessions is 1"]);
  expect((await topic.drained()).filter(({ op }) => op === "r")).toEqual([]);
  await pipeline.source.query("SELECT pg_advisory_unlock(1)");
  await Promise.all(busy);
  await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
  expect(connector.log.filter(({ msg }) => msg?.startsWith("the copy waits for the source") === true)).toHaveLength(1);
  await connector.stop();
});

test("a row of the last chunk that moves without all of its values, and once more before it is read again, is read where it is", async () => {
  await using pipeline = await pipelineHere(
    {},
    `CREATE TABLE t (id int8 PRIMARY KEY, n int, big text); ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
     INSERT INTO t SELECT i, 0, repeat(i::text, 3000) FROM generate_series(1, 30) AS i`,
  );
  const journal = new MemoryJournal("public.t");
  const held = Promise.withResolvers<void>();
  journal.before = async (call) => (call === "progress" ? held.promise : undefined);
  await using connector = startCopying(pipeline, journal, { maxRowsPerSecond: 20, maxActiveSessions: 1 });
  await connector.working;
  await using topic = new TopicEvents(pipeline);
  const { source } = pipeline;
  const moved = async (from: number, to: number): Promise<void> => {
    await source.query("UPDATE t SET id = $2 WHERE id = $1", [from, to]);
    await waitFor(async () => (await topic.read()).events.some(({ op, key }) => op === "c" && key?.["id"] === to), { what: "the move" });
  };
  await waitFor(async () => hasChunkBehind((await topic.read()).records), { what: "both chunks" });
  await moved(25, 100);
  // The second chunk is published without it. Before it is read again the copy waits for the source.
  await using first = await sourceSession(pipeline);
  await using second = await sourceSession(pipeline);
  await source.query("SELECT pg_advisory_lock(1)");
  const busy = [first, second].map(async (each) => each.query("SELECT pg_advisory_lock_shared(1)"));
  held.resolve();
  await waitFor(() => journal.job("public.t")!.waits.length > 0, { what: "the copy to wait" });
  await moved(100, 101);
  await source.query("SELECT pg_advisory_unlock(1)");
  await Promise.all(busy);
  await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
  const { rows: wanted } = await source.query<{ row: string }>("SELECT row_to_json(t)::text AS row FROM t");
  expect(new Set(tableOf(await topic.drained(), "t").values())).toEqual(new Set(wanted.map(({ row }) => row)));
  await connector.stop();
});
