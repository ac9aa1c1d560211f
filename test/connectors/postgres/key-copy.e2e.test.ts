import type { Client } from "pg";
import { describe, expect, test } from "vitest";
import { caughtUp, stateOf } from "../../services/apply/same-texts.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { chainFaults, type TopicEvent, TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";
import { MemoryJournal, startCopying } from "./copying-connector.ts";

/** Rows of the stream are at the target, and whoever writes there by hand does so now. */
async function byHand(pipeline: Pipeline, sql: string): Promise<void> {
  await caughtUp(pipeline);
  await pipeline.target.query(sql);
}

async function copied(journal: MemoryJournal): Promise<void> {
  await waitFor(() => journal.jobs.every(({ state }) => state === "copied"), { what: "the keys to be read" });
}

/** Conflicts that the applier has counted. */
async function conflicts({ metrics }: Pipeline): Promise<number> {
  return (await metrics.conflictsTotal.get()).values.reduce((sum, { value }) => sum + value, 0);
}

async function textsOf(client: Client, table: string): Promise<string[]> {
  return (await stateOf(client, { [table]: "1" }))[table]!;
}

/** Of a table, as `d k` and `r k` and so on. */
function ops(events: readonly TopicEvent[], table: string): string[] {
  return events.flatMap(({ op, source, key }) => (source.table === table ? [`${op} ${Object.values(key ?? {}).join("|")}`] : []));
}

describe("keys that are read again", () => {
  test("of any type: what is missing comes, what differs becomes equal, what the source has not goes, and nothing of it is a conflict", async () => {
    const tables: Record<string, { key: string; columns: string; rows: string[]; extra: string; asked: string[][] }> = {
      texts: {
        key: "k",
        columns: 'k text COLLATE "C" PRIMARY KEY, v text',
        rows: [`'it''s "odd", \\{}', 'a'`, `E'tab\\tand\\nline', 'b'`, "'', 'c'"],
        extra: `E'\\\\N ''extra''', 'x'`,
        asked: [[`it's "odd", \\{}`], ["tab\tand\nline"], [""], [`\\N 'extra'`], ["nowhere"]],
      },
      pairs: {
        key: "b, a",
        columns: "a numeric(10,2), v text, b int, PRIMARY KEY (b, a)",
        rows: ["1.00, 'a', 1", "2.50, 'b', 1", "-7, 'c', 2"],
        extra: "3.00, 'x', 1",
        // In another order than the index has them, and as nobody prints them.
        asked: [
          ["1", "1"],
          ["2.5", "1"],
          ["-7.00", "2"],
          ["3", "1"],
          ["NaN", "9"],
        ],
      },
      bytes: {
        key: "k",
        columns: "k bytea PRIMARY KEY, v text",
        rows: [`'\\x00ff5c', 'a'`, `'\\x', 'b'`, `'\\x27', 'c'`],
        extra: `'\\x5c4e', 'x'`,
        asked: [["\\x00FF5C"], ["\\x"], ["\\x27"], ["\\x5c4e"]],
      },
      times: {
        key: "k",
        columns: "k timestamptz PRIMARY KEY, v text",
        rows: ["'2026-01-01 00:00:00.000001+00', 'a'", "'infinity', 'b'", "'0044-03-15 12:00:00+00 BC', 'c'"],
        extra: "'1999-12-31 23:59:59+01', 'x'",
        asked: [["2026-01-01 01:00:00.000001+01"], ["infinity"], ["0044-03-15 12:00:00+00 BC"], ["1999-12-31 23:59:59+01"]],
      },
      chars: {
        key: "k",
        columns: "k char(4) PRIMARY KEY, v text",
        rows: ["'ab', 'a'", "'abcd', 'b'", "'é', 'c'"],
        extra: "'zz', 'x'",
        // The third is longer than any row's: it is not to be taken for the second.
        asked: [["ab"], ["abcd"], ["abcde"], ["é   "], ["zz  "]],
      },
    };
    const create = Object.entries(tables).map(([table, { columns }]) => `CREATE TABLE ${table} (${columns})`);
    await using pipeline = await createPipeline(create.join("; "));
    await pipeline.up();
    const { source, target } = pipeline;
    const journal = new MemoryJournal();
    await using connector = startCopying(pipeline, journal);
    await using applier = pipeline.startApplier();
    await applier.working;
    await using topic = new TopicEvents(pipeline);
    for (const [table, { rows }] of Object.entries(tables)) for (const row of rows) await source.query(`INSERT INTO ${table} VALUES (${row})`);
    await byHand(
      pipeline,
      Object.entries(tables)
        .map(
          ([table, { extra }]) =>
            `DELETE FROM ${table} WHERE v = 'a'; UPDATE ${table} SET v = 'differs' WHERE v = 'b'; INSERT INTO ${table} VALUES (${extra});`,
        )
        .join(""),
    );
    for (const [table, { key, asked }] of Object.entries(tables)) {
      const columns = table === "pairs" ? ["a", "b"] : key.split(", ");
      journal.add(`public.${table}`, columns, asked);
    }
    await copied(journal);
    await caughtUp(pipeline, [applier, connector]);
    for (const table of Object.keys(tables)) expect(await textsOf(target, table)).toEqual(await textsOf(source, table));
    expect(await conflicts(pipeline)).toBe(0);
    const events = await topic.drained();
    expect(ops(events, "chars").slice(3)).toEqual(["d abcde", "d zz  ", "r ab  ", "r abcd", "r é   "]);
    const absent = events.filter(({ op }) => op === "d");
    expect(absent).toHaveLength(8);
    for (const event of absent) expect(event).toMatchObject({ after: null, transaction: null, source: { snapshot: "incremental" } });
    expect(chainFaults(topic.records)).toEqual([]);
    // Nothing says that a table was copied: its mark is another's affair.
    expect(topic.records.some(({ message }) => message?.content.toString().includes('"copied"') === true)).toBe(false);
    expect(journal.jobs.map(({ rows }) => rows)).toEqual(Object.values(tables).map(({ asked }) => asked.length));
    await applier.stop();
    await connector.stop();
  });

  test("which the stream changes without all of their values, are read until they are whole, in whatever order the index has their columns", async () => {
    await using pipeline = await createPipeline(
      `CREATE TABLE t (a int, b int, n int, big text, PRIMARY KEY (b, a)); ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
       INSERT INTO t SELECT i, 100 + i, 0, repeat(i::text, 3000) FROM generate_series(1, 9) AS i`,
    );
    await pipeline.up();
    const { source } = pipeline;
    const journal = new MemoryJournal();
    await using connector = startCopying(pipeline, journal);
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    journal.add("public.t", ["b", "a"], [["105", "5"]]);
    const [job] = journal.jobs;
    const now = (): (typeof journal.jobs)[number] => journal.jobs.find(({ id }) => id === job!.id)!;
    // Until it says that it waits for a moment without a change.
    for (let i = 1; now().state !== "copied" && now().waits.length === 0; i += 1) await source.query("UPDATE t SET n = $1 WHERE a = 5", [i]);
    await copied(journal);
    const { rows } = await source.query<{ n: number; big: string }>("SELECT n, big FROM t WHERE a = 5");
    const read = (await topic.drained()).filter(({ op }) => op === "r").map(({ after }) => [after?.["b"], after?.["n"], after?.["big"]]);
    expect(read).toEqual([[105, rows[0]!.n, rows[0]!.big]]);
    await connector.stop();
  });

  test("while a load changes the very same, more than are read at a time, and while their whole table is copied", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id numeric PRIMARY KEY, n int, note text)");
    await pipeline.up();
    const { source, target } = pipeline;
    const journal = new MemoryJournal();
    await using connector = startCopying(pipeline, journal, { connections: 1 });
    await using applier = pipeline.startApplier();
    await applier.working;
    await using topic = new TopicEvents(pipeline);
    await source.query("INSERT INTO t SELECT i, 0, repeat('x', i % 50) FROM generate_series(1, 1200) AS i");
    await byHand(
      pipeline,
      "DELETE FROM t WHERE id % 7 = 0; UPDATE t SET n = -1 WHERE id % 5 = 0; INSERT INTO t SELECT i, -2, 'extra' FROM generate_series(1201, 1800) AS i",
    );
    const keys = Array.from({ length: 1800 }, (_, i) => [String(i + 1)]);
    journal.add("public.t", ["id"], keys);
    journal.add("public.t");
    for (let i = 0; journal.jobs.some(({ state }) => state !== "copied"); i += 1) {
      await source.query("UPDATE t SET n = n + 1 WHERE id IN (SELECT 1 + (random() * 1800)::int FROM generate_series(1, 10))");
      await source.query("DELETE FROM t WHERE id = (SELECT 1 + (random() * 1800)::int)");
      // Equal to what was asked for, and printed in another way.
      await source.query("INSERT INTO t SELECT (1 + (random() * 1800)::int)::numeric(10,2), -3, $1 ON CONFLICT DO NOTHING", [String(i)]);
      await source.query("UPDATE t SET id = 5000 + $1 WHERE id = (SELECT 1 + (random() * 1800)::int)", [i]);
    }
    await caughtUp(pipeline, [applier, connector]);
    expect(await textsOf(target, "t")).toEqual(await textsOf(source, "t"));
    expect(journal.jobs.map(({ state }) => state)).toEqual(["copied", "copied"]);
    await topic.drained();
    expect(chainFaults(topic.records)).toEqual([]);
    await applier.stop();
    await connector.stop();
  });

  test("are read again whole after whatever has ended the connector, also where the topic ends with one that has no row", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int8 PRIMARY KEY)");
    await pipeline.up();
    await pipeline.source.query("INSERT INTO t VALUES (700)");
    const journal = new MemoryJournal();
    const id = journal.add(
      "public.t",
      ["id"],
      Array.from({ length: 700 }, (_, i) => [String(i + 1)]),
    );
    await using topic = new TopicEvents(pipeline);
    // Behind the first keys it waits for longer than the test does.
    await using first = startCopying(pipeline, journal, { maxRowsPerSecond: 1 });
    await waitFor(async () => ops((await topic.read()).events, "t").includes("d 500"), { what: "the first keys" });
    await first.stop();
    expect(journal.jobs).toMatchObject([{ id, state: "open" }]);
    await using second = startCopying(pipeline, journal);
    await copied(journal);
    const events = await topic.drained();
    expect(ops(events, "t")).toEqual([
      "c 700",
      ...Array.from({ length: 500 }, (_, i) => `d ${i + 1}`),
      ...Array.from({ length: 699 }, (_, i) => `d ${i + 1}`),
      "r 700",
    ]);
    expect(topic.records.some(({ op }, i) => op === "d" && topic.records[i + 1]?.message?.content.toString().includes("take-over") === true)).toBe(
      true,
    );
    expect(chainFaults(topic.records)).toEqual([]);
    await second.stop();
  });

  test("that cannot be, and those of a table with another key by now, are refused with what to do", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int8 PRIMARY KEY, a int, b int); CREATE TABLE u (a int8 PRIMARY KEY)");
    await pipeline.up();
    const journal = new MemoryJournal();
    journal.add("public.t", ["a", "b"], [["1", "2"]]);
    journal.add("public.t", ["id"], [["a row's"]]);
    journal.add("public.t", ["id"], [["1", "2"]]);
    journal.add("public.gone", ["id"], [["1"]]);
    journal.add("public.u", ["a"], [["1"]]);
    await using connector = startCopying(pipeline, journal);
    await waitFor(() => journal.jobs.every(({ state }) => state !== "open"), { what: "the jobs to end" });
    expect(journal.jobs.map(({ state, error }) => error?.line ?? state)).toEqual([
      "SNAPSHOT_TABLE_CHANGED: The table public.t has the key (id), and rows of it were asked for by (a, b). What was copied of it stays. Start the copy, or the repair, again: `offtake snapshot start`.",
      expect.stringMatching(
        /^SNAPSHOT_KEY_UNREADABLE: Rows of public.t were asked for by keys that its types do not take: .*invalid input syntax for type bigint: "a row's".* A row with such a key can only be at the target/,
      ),
      expect.stringMatching(/^SNAPSHOT_KEY_UNREADABLE: .*: one of them has 2 values instead of 1\./),
      expect.stringMatching(/^SNAPSHOT_TABLE_UNSUITABLE: The table public.gone cannot be copied: it is not among the service's tables/),
      "copied",
    ]);
    await connector.stop();
  });

  test("whose rows are wide are read in smaller lists, and none is left out", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int8 PRIMARY KEY, wide text)");
    await pipeline.up();
    await pipeline.source.query("INSERT INTO t SELECT i, repeat('x', 200000) FROM generate_series(1, 60) AS i");
    const journal = new MemoryJournal();
    journal.add(
      "public.t",
      ["id"],
      Array.from({ length: 60 }, (_, i) => [String(i + 1)]),
    );
    await using connector = startCopying(pipeline, journal);
    await copied(journal);
    await using topic = new TopicEvents(pipeline);
    const read = ops(await topic.drained(), "t").filter((each) => each.startsWith("r "));
    expect(new Set(read).size).toBe(60);
    await connector.stop();
  });
});
