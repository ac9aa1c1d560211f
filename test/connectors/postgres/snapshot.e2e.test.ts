/** Copies of tables beside the stream, as they stand in the topic. */
import { describe, expect, test } from "vitest";
import { createPipeline } from "../../support/pipeline.ts";
import { chainFaults, TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";
import { MemoryJournal, startCopying, tableOf } from "./copying-connector.ts";

describe("a table", () => {
  test("that had rows before its stream is copied in pieces between transactions, each of them whole", async () => {
    await using pipeline = await createPipeline(
      "CREATE TABLE t (id int8 PRIMARY KEY, note text); INSERT INTO t SELECT i, repeat('x', i % 50) FROM generate_series(1, 30000) AS i",
    );
    await pipeline.up();
    const journal = new MemoryJournal("public.t");
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
    await topic.drained();
    const reads = topic.records.filter(({ op }) => op === "r");
    expect(reads.map(({ after }) => Number(after?.["id"]))).toEqual(Array.from({ length: 30_000 }, (_, i) => i + 1));
    expect(reads[0]).toMatchObject({ before: null, transaction: null, source: { snapshot: "incremental", table: "t" }, key: { id: 1 } });
    expect(chainFaults(topic.records)).toEqual([]);
    expect(journal.job("public.t")).toMatchObject({ keyColumns: ["id"], lastKey: ["30000"], rows: 30_000 });
    expect(journal.job("public.t")!.keys.length).toBeGreaterThan(1);
    await connector.stop();
  });

  test("that is written to meanwhile has the newest rows at the end, wherever they were written", async () => {
    await using pipeline = await createPipeline(
      "CREATE TABLE t (id int8 PRIMARY KEY, n int, note text); INSERT INTO t SELECT i, 0, repeat('x', i % 50) FROM generate_series(1, 20000) AS i",
    );
    await pipeline.up();
    const journal = new MemoryJournal("public.t");
    await using connector = startCopying(pipeline, journal, { maxRowsPerSecond: 10_000 });
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    const { source } = pipeline;
    for (let i = 0; journal.job("public.t")?.state !== "copied"; i += 1) {
      await source.query("UPDATE t SET n = n + 1 WHERE id IN (SELECT 1 + (random() * 20000)::int8 FROM generate_series(1, 20))");
      await source.query("DELETE FROM t WHERE id = (SELECT 1 + (random() * 20000)::int8)");
      await source.query("INSERT INTO t SELECT 1 + (random() * 40000)::int8, -1, $1 ON CONFLICT DO NOTHING", [String(i)]);
      await source.query("UPDATE t SET id = 100000 + $1 WHERE id = (SELECT 1 + (random() * 20000)::int8)", [i]);
    }
    const events = await topic.drained();
    const { rows } = await source.query<{ id: string; row: string }>("SELECT id::text, row_to_json(t)::text AS row FROM t");
    const expected = new Map(rows.map(({ id, row }) => [`{"id":${id}}`, row]));
    const found = tableOf(events, "t");
    expect(found.size).toBe(expected.size);
    expect([...found].filter(([key, row]) => row !== expected.get(key))).toEqual([]);
    expect(chainFaults(topic.records)).toEqual([]);
    await connector.stop();
  });
});
