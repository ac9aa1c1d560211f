/** Copies of tables beside the stream, as they stand in the topic. */
import { describe, expect, test } from "vitest";
import { OfftakeError } from "../../../services/runtime/errors.ts";
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
    // Its mark asks for it, once.
    expect(journal.requested).toEqual(["public.t: rows from before `offtake up`"]);
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
    expect(connector.log.filter(({ msg }) => msg?.startsWith("the table was altered") === true)).toEqual([]);
    await connector.stop();
  });

  test("goes on behind its last chunk whenever the connector is started again, also where the topic ends with a chunk", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int8 PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 8000)");
    await pipeline.up();
    const journal = new MemoryJournal("public.t");
    await using topic = new TopicEvents(pipeline);
    let starts = 0;
    for (; journal.job("public.t")?.state !== "copied"; starts += 1) {
      const keys = journal.job("public.t")!.keys.length;
      await using connector = startCopying(pipeline, journal, { maxRowsPerSecond: 3000 });
      await waitFor(() => journal.job("public.t")!.keys.length > keys || journal.job("public.t")!.state === "copied", { what: "another chunk" });
      await connector.stop();
    }
    expect(starts).toBeGreaterThan(2);
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await topic.drained();
    expect(topic.records.some(({ op }, i) => op === "r" && topic.records[i + 1]?.message?.content.toString().includes("take-over") === true)).toBe(
      true,
    );
    expect([...tableOf(topic.events, "t").keys()].length).toBe(8000);
    expect(chainFaults(topic.records)).toEqual([]);
    expect(journal.job("public.t")).toMatchObject({ lastKey: ["8000"] });
    await connector.stop();
  });

  test("of which values are not in the stream's events is read again where they are, also where a row has moved to what was copied before", async () => {
    await using pipeline = await createPipeline(
      `CREATE TABLE t (id int8 PRIMARY KEY, n int, big text); ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
       INSERT INTO t SELECT i, 0, repeat(i::text, 3000) FROM generate_series(1, 40) AS i`,
    );
    await pipeline.up();
    const journal = new MemoryJournal("public.t");
    const held = Promise.withResolvers<void>();
    journal.before = async (call) => (call === "progress" ? held.promise : undefined);
    await using connector = startCopying(pipeline, journal, { maxRowsPerSecond: 20 });
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    const { source } = pipeline;
    await waitFor(async () => (await topic.read()).records.filter(({ message }) => message?.content.toString().includes("heartbeat")).length >= 2, {
      what: "two chunks",
    });
    await source.query("UPDATE t SET n = 1 WHERE id = 30");
    await source.query("UPDATE t SET id = -1 WHERE id = 35");
    await source.query("UPDATE t SET n = 1 WHERE id = 5");
    await waitFor(async () => (await topic.read()).events.some(({ op, key }) => op === "u" && key?.["id"] === 5), { what: "the changes" });
    held.resolve();
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
    const events = await topic.drained();
    expect(
      events.filter(({ op, key }) => op === "r" && [30, 35, -1].includes(Number(key?.["id"]))).map(({ after }) => [after?.["id"], after?.["n"]]),
    ).toEqual([
      [30, 1],
      [-1, 0],
    ]);
    const { rows } = await source.query<{ id: string; row: string }>("SELECT id::text, row_to_json(t)::text AS row FROM t WHERE id <> 5");
    const found = tableOf(events, "t");
    expect(rows.filter(({ id, row }) => found.get(`{"id":${id}}`) !== row).map(({ id }) => id)).toEqual([]);
    expect(found.size).toBe(40);
    await connector.stop();
  });

  test("of which rows move to what was copied before, while nobody copies, is read again where they are", async () => {
    await using pipeline = await createPipeline(
      `CREATE TABLE t (name text, id int8, n int, big text, PRIMARY KEY (id, name)); ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
       INSERT INTO t SELECT 'it''s ' || i, i, 0, repeat(i::text, 3000) FROM generate_series(1, 40) AS i`,
    );
    await pipeline.up();
    const { source } = pipeline;
    const journal = new MemoryJournal("public.t");
    const job = (): ReturnType<MemoryJournal["job"]> => journal.job("public.t");
    {
      await using connector = startCopying(pipeline, journal, { maxRowsPerSecond: 10 });
      await waitFor(() => (job()?.lastKey === undefined ? undefined : true), { what: "a chunk" });
      await connector.stop();
    }
    await source.query("UPDATE t SET id = -1 WHERE id = 35");
    await source.query("UPDATE t SET id = -3 WHERE id = 37");
    await source.query("UPDATE t SET id = -2, n = 1 WHERE id = -3");
    {
      // What it has not got as far as writing down is lost with it.
      journal.before = async (call) => (call === "progress" ? Promise.reject(new OfftakeError("CONTROL_UNREACHABLE", "away")) : undefined);
      await using connector = startCopying(pipeline, journal);
      await connector.working;
      await using topic = new TopicEvents(pipeline);
      await waitFor(async () => (await topic.read()).events.some(({ op, key }) => op === "r" && key?.["id"] === -1), {
        what: "the row that has moved",
      });
      await source.query("UPDATE t SET id = -4 WHERE id = 1");
      await waitFor(async () => (await topic.read()).events.some(({ key }) => key?.["id"] === -4), { what: "the row that moves" });
      await connector.stop();
    }
    journal.before = () => {};
    await using connector = startCopying(pipeline, journal);
    await waitFor(() => job()?.state === "copied", { what: "the copy" });
    await using topic = new TopicEvents(pipeline);
    const found = tableOf(await topic.drained(), "t");
    const { rows } = await source.query<{ row: string }>("SELECT row_to_json(t)::text AS row FROM t");
    expect(new Set(found.values())).toEqual(new Set(rows.map(({ row }) => row)));
    expect(found.size).toBe(40);
    await connector.stop();
  });

  test("with any kind of key is walked in the order of its index, without leaving a row out", async () => {
    await using pipeline = await createPipeline(`
      CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE DOMAIN code AS varchar(20) CHECK (value <> '');
      CREATE TABLE k_int (a int4 PRIMARY KEY, note text); INSERT INTO k_int SELECT -1500 + i, 'n' || i FROM generate_series(1, 3000) AS i;
      CREATE TABLE k_two (note text, b text, a int4, PRIMARY KEY (a, b));
      INSERT INTO k_two SELECT 'n' || i, chr(64 + i % 90), i / 90 FROM generate_series(1, 3000) AS i;
      CREATE TABLE k_text (a text PRIMARY KEY, note text);
      INSERT INTO k_text SELECT CASE i % 3 WHEN 0 THEN upper(md5(i::text)) WHEN 1 THEN md5(i::text) ELSE E'\\t\\\\' || chr(200 + i % 300) || i END, 'n' || i FROM generate_series(1, 3000) AS i;
      CREATE TABLE k_c (a text COLLATE "C" PRIMARY KEY, note text); INSERT INTO k_c SELECT * FROM k_text;
      CREATE TABLE k_uuid (a uuid PRIMARY KEY, note text); INSERT INTO k_uuid SELECT md5(i::text)::uuid, 'n' || i FROM generate_series(1, 3000) AS i;
      CREATE TABLE k_numeric (a numeric PRIMARY KEY, note text);
      INSERT INTO k_numeric SELECT i / 7.0, 'n' || i FROM generate_series(-1000, 1997) AS i UNION ALL VALUES ('NaN'::numeric, 'nan'), ('Infinity', 'infinity');
      CREATE TABLE k_time (a timestamptz PRIMARY KEY, note text);
      INSERT INTO k_time SELECT timestamptz '2020-01-01' + i * interval '1 day 1 microsecond', 'n' || i FROM generate_series(-2000, 998) AS i UNION ALL VALUES ('infinity'::timestamptz, 'infinity');
      CREATE TABLE k_bytes (a bytea PRIMARY KEY, note text); INSERT INTO k_bytes SELECT sha256(i::text::bytea), 'n' || i FROM generate_series(1, 3000) AS i;
      CREATE TABLE k_odd (m mood, d code, c char(5), f float8, note text, PRIMARY KEY (m, f, d, c));
      INSERT INTO k_odd SELECT (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, 'd' || i % 7, (i % 11)::text, (ARRAY[-1.5, 0, 1e300, 'NaN'])[1 + i % 4], 'n' || i
        FROM generate_series(1, 3 * 7 * 11 * 4) AS i;
      CREATE TABLE k_index (a text NOT NULL, note text); CREATE UNIQUE INDEX k_index_a ON k_index (a COLLATE "C"); ALTER TABLE k_index REPLICA IDENTITY USING INDEX k_index_a;
      INSERT INTO k_index SELECT * FROM k_text;
      CREATE TABLE k_full (a int4 PRIMARY KEY, note text); ALTER TABLE k_full REPLICA IDENTITY FULL; INSERT INTO k_full SELECT * FROM k_int;
      CREATE TABLE k_parts (a int4, b int4, note text, PRIMARY KEY (b, a)) PARTITION BY RANGE (a);
      CREATE TABLE k_parts_1 PARTITION OF k_parts FOR VALUES FROM (MINVALUE) TO (0); CREATE TABLE k_parts_2 PARTITION OF k_parts FOR VALUES FROM (0) TO (MAXVALUE);
      INSERT INTO k_parts SELECT a, a % 13, note FROM k_int;
      CREATE EXTENSION citext; CREATE TABLE k_citext (b int4, a citext, note text, PRIMARY KEY (a, b)); INSERT INTO k_citext SELECT i, a, note FROM (SELECT *, row_number() OVER () AS i FROM k_text);
      CREATE TABLE k_parent (a int4 PRIMARY KEY, note text); INSERT INTO k_parent SELECT * FROM k_int;
      CREATE TABLE k_child (PRIMARY KEY (a)) INHERITS (k_parent); INSERT INTO k_child SELECT a + 10000, note FROM k_int`);
    await pipeline.target.query("CREATE EXTENSION citext");
    await pipeline.up();
    const { rows: tables } = await pipeline.source.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relname LIKE 'k\\_%' AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1",
    );
    const names = tables.map(({ name }) => name);
    const journal = new MemoryJournal(...names.map((name) => `public.${name}`));
    await using connector = startCopying(pipeline, journal, { connections: 3 });
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await waitFor(() => journal.jobs.every(({ state }) => state !== "open"), { what: "the copies", timeout: 60_000 });
    const events = await topic.drained();
    const read = new Map(
      names.map((name) => [name, events.filter(({ op, source }) => op === "r" && source.table === name).map(({ after }) => String(after?.["note"]))]),
    );
    for (const name of names) {
      const { rows } = await pipeline.source.query<{ note: string }>(`SELECT note FROM ${name === "k_parts" ? "" : "ONLY "}${name}`);
      expect([name, read.get(name)!.toSorted()]).toEqual([name, rows.map(({ note }) => note).toSorted()]);
    }
    expect(journal.jobs.map(({ table, keyColumns }) => [table, keyColumns?.join()])).toContainEqual(["public.k_parts", "b,a"]);
    expect(journal.jobs.map(({ state }) => state)).toEqual(names.map(() => "copied"));
    expect(chainFaults(topic.records)).toEqual([]);
    await connector.stop();
  });
});

describe("copies", () => {
  test("of several tables run side by side, as many as may, and hold no snapshot of the monolith while they wait", async () => {
    await using pipeline = await createPipeline(
      ["a", "b", "c"].map((name) => `CREATE TABLE ${name} (id int8 PRIMARY KEY); INSERT INTO ${name} SELECT generate_series(1, 5000);`).join(""),
    );
    await pipeline.up();
    const journal = new MemoryJournal("public.a", "public.b", "public.c");
    const held = Promise.withResolvers<void>();
    const asked: string[] = [];
    journal.before = async (call) => {
      asked.push(call);
      if (call === "progress") await held.promise;
    };
    await using connector = startCopying(pipeline, journal, { connections: 2 });
    await connector.working;
    const sessions =
      "SELECT count(*)::int AS all, count(backend_xmin)::int AS holding FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '% copy'";
    await waitFor(() => asked.filter((call) => call === "progress").length === 2, { what: "two copies to wait" });
    await waitFor(async () => (await pipeline.source.query(sessions)).rows[0].holding === 0, { what: "no snapshot to be held" });
    expect((await pipeline.source.query(sessions)).rows).toEqual([{ all: 2, holding: 0 }]);
    expect(asked.filter((call) => call === "started")).toHaveLength(2);
    held.resolve();
    await waitFor(() => journal.jobs.every(({ state }) => state === "copied"), { what: "the copies" });
    await waitFor(async () => (await pipeline.source.query(sessions)).rows[0].all === 0, { what: "the sessions to end" });
    await connector.stop();
  });

  test("wait while the control database is away, and the stream does not", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int8 PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 3000)");
    await pipeline.up();
    const journal = new MemoryJournal("public.t");
    let away = false;
    journal.before = (call) => {
      if (call === "progress" && journal.job("public.t")!.keys.length === 1) away = true;
      if (away) throw new OfftakeError("CONTROL_UNREACHABLE", "The control database is away.");
    };
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await waitFor(() => connector.log.some(({ err }) => err?.code === "CONTROL_UNREACHABLE"), { what: "the journal to be away" });
    await pipeline.source.query("INSERT INTO t VALUES (-1)");
    await topic.drained();
    expect(topic.events.filter(({ op }) => op === "c")).toHaveLength(1);
    expect(journal.job("public.t")).toMatchObject({ state: "open", lastKey: ["1000"] });
    journal.before = () => {};
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
    expect(tableOf(await topic.drained(), "t").size).toBe(3001);
    expect(connector.log.filter(({ msg }) => msg === "copies of tables wait; the stream goes on")).toHaveLength(1);
    await connector.stop();
  });

  test("of a table that somebody has locked are begun again, and the stream goes on", async () => {
    await using pipeline = await createPipeline(
      "CREATE TABLE t (id int8 PRIMARY KEY); CREATE TABLE u (id int8 PRIMARY KEY); INSERT INTO t VALUES (1)",
    );
    await pipeline.up();
    const journal = new MemoryJournal();
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
    journal.add("public.t");
    await waitFor(() => connector.log.some(({ err }) => err?.code === "SNAPSHOT_DELAYED"), { what: "the copy to be put off" });
    await pipeline.source.query("INSERT INTO u VALUES (1); COMMIT");
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
    expect((await topic.drained()).map(({ op, source }) => `${op} ${source.table}`)).toEqual(["c u", "r t"]);
    await connector.stop();
  });

  test("that were cancelled end behind the chunk that is under way", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int8 PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 3000)");
    await pipeline.up();
    const journal = new MemoryJournal("public.t");
    journal.before = (call) => {
      if (call === "progress") journal.cancel("public.t");
    };
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await waitFor(() => connector.log.some(({ msg }) => msg === "the copy was cancelled"), { what: "the end of the copy" });
    await topic.drained();
    expect(topic.events.filter(({ op }) => op === "r")).toHaveLength(1000);
    expect(topic.records.some(({ message }) => message?.content.toString().includes('"copied"'))).toBe(false);
    await connector.stop();
  });

  test("of tables that cannot be copied fail, say what to do, and leave the stream alone", async () => {
    await using pipeline = await createPipeline(
      `CREATE TABLE whole (id int8); ALTER TABLE whole REPLICA IDENTITY FULL; CREATE TABLE later (id int8 PRIMARY KEY DEFERRABLE); ALTER TABLE later REPLICA IDENTITY FULL;
       CREATE TABLE sorted (id int8 NOT NULL); CREATE UNIQUE INDEX sorted_id ON sorted (id DESC); ALTER TABLE sorted REPLICA IDENTITY USING INDEX sorted_id;
       CREATE TABLE wide (id int8 PRIMARY KEY, big text); INSERT INTO wide VALUES (1, ''), (2, repeat('x', 3000000)); CREATE TABLE t (id int8 PRIMARY KEY)`,
      { maxEvent: "2MiB" },
    );
    await pipeline.up();
    const journal = new MemoryJournal("public.whole", "public.later", "public.sorted", "public.wide", "public.gone");
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await waitFor(() => journal.jobs.every(({ state }) => state === "failed"), { what: "the copies to fail" });
    expect(journal.jobs.map(({ error }) => error?.line)).toEqual([
      expect.stringMatching(
        /^SNAPSHOT_TABLE_UNSUITABLE: The table public.whole cannot be copied: it has no key to walk it by. Give it a primary key/,
      ),
      expect.stringMatching(
        /^SNAPSHOT_TABLE_UNSUITABLE: The table public.later cannot be copied: it has no key to walk it by. Give it a primary key/,
      ),
      expect.stringMatching(
        /^SNAPSHOT_TABLE_UNSUITABLE: The table public.sorted cannot be copied: it has an index as REPLICA IDENTITY that is not in the usual order/,
      ),
      expect.stringMatching(/^EVENT_TOO_LARGE: The event of public.wide \(id\)=\(2\) has 3\d+ bytes; kafka.maxEvent is 2\d+\. /),
      expect.stringMatching(/^SNAPSHOT_TABLE_UNSUITABLE: The table public.gone cannot be copied: it is not among the service's tables. Add it/),
    ]);
    await pipeline.source.query("INSERT INTO t VALUES (1)");
    const events = await topic.drained();
    expect(events.map(({ op, source }) => `${op} ${source.table}`)).toEqual(["r wide", "c t"]);
    expect(chainFaults(topic.records)).toEqual([]);
    await connector.stop();
  });

  test("of a table that is altered, emptied, or dropped and made again meanwhile", async () => {
    await using pipeline = await createPipeline(
      ["altered", "emptied", "dropped"]
        .map((name) => `CREATE TABLE ${name} (id int8 PRIMARY KEY, n int); INSERT INTO ${name} SELECT i, 0 FROM generate_series(1, 2000) AS i;`)
        .join(""),
    );
    await pipeline.up();
    const journal = new MemoryJournal("public.altered", "public.emptied", "public.dropped");
    const held = Promise.withResolvers<void>();
    const asked: string[] = [];
    journal.before = async (call) => {
      asked.push(call);
      if (call === "progress") await held.promise;
    };
    await using connector = startCopying(pipeline, journal, { connections: 3 });
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    const { source } = pipeline;
    await waitFor(async () => (await topic.read()).records.filter(({ message }) => message?.content.toString().includes("heartbeat")).length >= 6, {
      what: "two chunks of each",
    });
    await source.query("ALTER TABLE altered ADD extra text; UPDATE altered SET extra = 'new' WHERE id IN (1, 1500)");
    await source.query("TRUNCATE emptied; INSERT INTO emptied VALUES (3, 3)");
    await source.query("DROP TABLE dropped; CREATE TABLE dropped (id int8 PRIMARY KEY, n int)");
    await waitFor(async () => (await topic.read()).events.some(({ source: of, op }) => of.table === "emptied" && op === "c"), {
      what: "the changes",
    });
    held.resolve();
    await waitFor(() => journal.jobs.every(({ state }) => state !== "open"), { what: "the copies" });
    expect(journal.jobs.map(({ state, error }) => error?.line ?? state)).toEqual([
      "copied",
      "copied",
      expect.stringMatching(
        /^SNAPSHOT_TABLE_CHANGED: The table public.dropped was changed while it was being copied: it was dropped and made again. What was copied/,
      ),
    ]);
    const events = await topic.drained();
    expect(Object.fromEntries(tableOf(events, "emptied"))).toEqual({ '{"id":3}': '{"id":3,"n":3}' });
    const altered = tableOf(events, "altered");
    expect([altered.size, altered.get('{"id":1}'), altered.get('{"id":1500}'), altered.get('{"id":1999}')]).toEqual([
      2000,
      '{"id":1,"n":0,"extra":"new"}',
      '{"id":1500,"n":0,"extra":"new"}',
      '{"id":1999,"n":0,"extra":null}',
    ]);
    await connector.stop();
  });
});
