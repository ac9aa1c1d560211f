/** What becomes of transactions on their way from the WAL to the topic, read back by avsc. */
import { describe, expect, test } from "vitest";
import { createPipeline } from "../../support/pipeline.ts";
import { chainFaults, type TopicEvent, TopicEvents } from "../../support/topic-events.ts";

function shown(row: unknown): string {
  return JSON.stringify(row ?? null);
}

/** An event as one line: op, table, key, before and after, and what it says beside them. A point at the end of its transaction. */
function line({ op, source, key, before, after, offtake }: TopicEvent): string {
  const unchanged = (offtake.unchanged ?? []).length === 0 ? "" : ` unchanged ${offtake.unchanged?.join(",")}`;
  const old = (offtake.old_key ?? undefined) === undefined ? "" : ` was ${shown(offtake.old_key)}`;
  return `${op} ${source.table} ${key === undefined ? "-" : shown(key)} ${shown(before)} > ${shown(after)}${unchanged}${old}${offtake.last ? " ." : ""}`;
}

describe("transactions", () => {
  test("of every kind of change arrive in commit order, as Debezium's events, each with its place", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY, note text); CREATE TABLE u (id int PRIMARY KEY)");
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    const { source } = pipeline;
    await source.query("INSERT INTO t VALUES (1, 'a'), (2, NULL)");
    await source.query("UPDATE t SET note = 'b' WHERE id = 1");
    await source.query("DELETE FROM t WHERE id = 2");
    await source.query(
      "BEGIN; INSERT INTO u VALUES (7); INSERT INTO t VALUES (3, 'c'); INSERT INTO u VALUES (8); UPDATE t SET note = 'd' WHERE id = 3; COMMIT",
    );
    await source.query("BEGIN; COMMIT");
    await source.query("BEGIN; INSERT INTO t VALUES (4, 'never'); ROLLBACK");
    await source.query("UPDATE t SET id = 30 WHERE id = 3");
    await source.query("UPDATE t SET id = id + 100");
    const events = await topic.drained();
    expect(events.map(line)).toEqual([
      'c t {"id":1} null > {"id":1,"note":"a"}',
      'c t {"id":2} null > {"id":2,"note":null} .',
      'u t {"id":1} null > {"id":1,"note":"b"} .',
      'd t {"id":2} {"id":2,"note":null} > null .',
      'c u {"id":7} null > {"id":7}',
      'c t {"id":3} null > {"id":3,"note":"c"}',
      'c u {"id":8} null > {"id":8}',
      'u t {"id":3} null > {"id":3,"note":"d"} .',
      'd t {"id":3} {"id":3,"note":null} > null',
      'c t {"id":30} null > {"id":30,"note":"d"} was {"id":3} .',
      'd t {"id":1} {"id":1,"note":null} > null',
      'c t {"id":101} null > {"id":101,"note":"b"} was {"id":1}',
      'd t {"id":30} {"id":30,"note":null} > null',
      'c t {"id":130} null > {"id":130,"note":"d"} was {"id":30} .',
    ]);
    expect(chainFaults(topic.records)).toEqual([]);
    expect(events[0]!.source).toMatchObject({
      connector: "postgresql",
      name: pipeline.configuration.kafka.topicPrefix,
      schema: "public",
      snapshot: "false",
    });
    expect(events[0]!.offtake.prev_commit_lsn).toBeNull();
    // The commit's own time, by the source's clock.
    const { rows } = await source.query<{ now: string }>("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8 AS now");
    expect(Number(rows[0]!.now) - events[0]!.source.ts_ms).toBeLessThan(60_000);
    expect(events.every(({ ts_ms, source: of }) => ts_ms >= of.ts_ms - 1000)).toBe(true);
    await connector.stop();
  });

  test("whose changes were partly rolled back to savepoints have only the others", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY)");
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query(`
      BEGIN; INSERT INTO t VALUES (1); SAVEPOINT a; INSERT INTO t VALUES (2); SAVEPOINT b; INSERT INTO t VALUES (3); ROLLBACK TO b; INSERT INTO t VALUES (4);
      ROLLBACK TO a; INSERT INTO t VALUES (5); SAVEPOINT c; INSERT INTO t VALUES (6); RELEASE c; COMMIT`);
    await pipeline.source.query("BEGIN; SAVEPOINT a; INSERT INTO t VALUES (7); ROLLBACK TO a; COMMIT");
    expect((await topic.drained()).map(line)).toEqual([
      'c t {"id":1} null > {"id":1}',
      'c t {"id":5} null > {"id":5}',
      'c t {"id":6} null > {"id":6} .',
    ]);
    expect(chainFaults(topic.records)).toEqual([]);
    await connector.stop();
  });

  test("that run at the same time arrive one after the other, whole", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY, worker int)");
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query("CREATE EXTENSION dblink");
    // Two sessions whose changes lie side by side in the WAL.
    const other = "dblink_exec('other', ";
    await pipeline.source.query("SELECT dblink_connect('other', $1)", [pipeline.sourceUrl]);
    await pipeline.source.query(`SELECT ${other} 'BEGIN')`);
    await pipeline.source.query("BEGIN");
    for (let i = 0; i < 5; i += 1) {
      await pipeline.source.query("INSERT INTO t VALUES ($1, 1)", [i]);
      await pipeline.source.query(`SELECT ${other} 'INSERT INTO t VALUES (${100 + i}, 2)')`);
    }
    await pipeline.source.query(`SELECT ${other} 'COMMIT')`);
    await pipeline.source.query("COMMIT");
    const events = await topic.drained();
    expect(events.map(({ after }) => after?.["id"])).toEqual([100, 101, 102, 103, 104, 0, 1, 2, 3, 4]);
    expect(events.filter(({ offtake }) => offtake.last)).toHaveLength(2);
    expect(chainFaults(topic.records)).toEqual([]);
    await connector.stop();
  });
});

describe("rows", () => {
  test("with values that are TOASTed and unchanged say so, and take from the old row what it has", async () => {
    await using pipeline = await createPipeline(`
      CREATE TABLE plain (id int PRIMARY KEY, n int, big text, other text); ALTER TABLE plain ALTER big SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL;
      CREATE TABLE whole (LIKE plain INCLUDING ALL); ALTER TABLE whole REPLICA IDENTITY FULL; ALTER TABLE whole ALTER big SET STORAGE EXTERNAL;
      CREATE TABLE keyed (big text PRIMARY KEY, n int); ALTER TABLE keyed ALTER big SET STORAGE EXTERNAL`);
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    const { source } = pipeline;
    for (const table of ["plain", "whole"]) {
      await source.query(`INSERT INTO ${table} VALUES (1, 1, repeat('x', 3000), 'small')`);
      await source.query(`UPDATE ${table} SET n = 2`);
      await source.query(`UPDATE ${table} SET id = 2`);
      await source.query(`UPDATE ${table} SET big = 'new'`);
      await source.query(`DELETE FROM ${table}`);
    }
    await source.query("INSERT INTO keyed VALUES (repeat('k', 2600), 1)");
    await source.query("UPDATE keyed SET n = 2");
    const events = (await topic.drained()).map((event) =>
      line(event)
        .replaceAll(/x{3000}/g, "XXX")
        .replaceAll(/k{2600}/g, "KKK"),
    );
    expect(events).toEqual([
      'c plain {"id":1} null > {"id":1,"n":1,"big":"XXX","other":"small"} .',
      'u plain {"id":1} null > {"id":1,"n":2,"big":null,"other":"small"} unchanged big .',
      'd plain {"id":1} {"id":1,"n":null,"big":null,"other":null} > null',
      'c plain {"id":2} null > {"id":2,"n":2,"big":null,"other":"small"} unchanged big was {"id":1} .',
      'u plain {"id":2} null > {"id":2,"n":2,"big":"new","other":"small"} .',
      'd plain {"id":2} {"id":2,"n":null,"big":null,"other":null} > null .',
      'c whole {"id":1} null > {"id":1,"n":1,"big":"XXX","other":"small"} .',
      'u whole {"id":1} {"id":1,"n":1,"big":"XXX","other":"small"} > {"id":1,"n":2,"big":"XXX","other":"small"} .',
      'd whole {"id":1} {"id":1,"n":2,"big":"XXX","other":"small"} > null',
      'c whole {"id":2} null > {"id":2,"n":2,"big":"XXX","other":"small"} was {"id":1} .',
      'u whole {"id":2} {"id":2,"n":2,"big":"XXX","other":"small"} > {"id":2,"n":2,"big":"new","other":"small"} .',
      'd whole {"id":2} {"id":2,"n":2,"big":"new","other":"small"} > null .',
      'c keyed {"big":"KKK"} null > {"big":"KKK","n":1} .',
      'u keyed {"big":"KKK"} null > {"big":"KKK","n":2} .',
    ]);
    await connector.stop();
  });

  test("of tables with other identities have the key that it gives them, or none", async () => {
    await using pipeline = await createPipeline(`
      CREATE TABLE by_index (id int PRIMARY KEY, code text NOT NULL, n int, UNIQUE (code)); ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_code_key;
      CREATE TABLE without_key (a int, b text); ALTER TABLE without_key REPLICA IDENTITY FULL;
      CREATE TABLE two (b int, a int, n int, PRIMARY KEY (a, b))`);
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    const { source } = pipeline;
    await source.query("INSERT INTO by_index VALUES (1, 'x', 1); UPDATE by_index SET id = 2; UPDATE by_index SET code = 'y'; DELETE FROM by_index");
    await source.query("INSERT INTO without_key VALUES (1, NULL), (1, NULL); UPDATE without_key SET b = 'b'; DELETE FROM without_key");
    await source.query("INSERT INTO two VALUES (1, 2, 3); UPDATE two SET n = 4; UPDATE two SET a = 5");
    const events = (await topic.drained()).map((event) => line(event).replace(/ \.$/, ""));
    expect(events).toEqual([
      'c by_index {"code":"x"} null > {"id":1,"code":"x","n":1}',
      'u by_index {"code":"x"} null > {"id":2,"code":"x","n":1}',
      'd by_index {"code":"x"} {"id":null,"code":"x","n":null} > null',
      'c by_index {"code":"y"} null > {"id":2,"code":"y","n":1} was {"code":"x"}',
      'd by_index {"code":"y"} {"id":null,"code":"y","n":null} > null',
      'c without_key - null > {"a":1,"b":null}',
      'c without_key - null > {"a":1,"b":null}',
      'u without_key - {"a":1,"b":null} > {"a":1,"b":"b"}',
      'u without_key - {"a":1,"b":null} > {"a":1,"b":"b"}',
      'd without_key - {"a":1,"b":"b"} > null',
      'd without_key - {"a":1,"b":"b"} > null',
      'c two {"b":1,"a":2} null > {"b":1,"a":2,"n":3}',
      'u two {"b":1,"a":2} null > {"b":1,"a":2,"n":4}',
      'd two {"b":1,"a":2} {"b":1,"a":2,"n":null} > null',
      'c two {"b":1,"a":5} null > {"b":1,"a":5,"n":4} was {"b":1,"a":2}',
    ]);
    expect(chainFaults(topic.records)).toEqual([]);
    await connector.stop();
  });

  test("of generated columns come without them, of identity columns with them", async () => {
    await using pipeline = await createPipeline(`
      CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED, seq int GENERATED BY DEFAULT AS IDENTITY)`);
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query("INSERT INTO t (a) VALUES (5); UPDATE t SET a = 6");
    expect((await topic.drained()).map(line)).toEqual(['c t {"id":1} null > {"id":1,"a":5,"seq":1}', 'u t {"id":1} null > {"id":1,"a":6,"seq":1} .']);
    await connector.stop();
  });

  test("have names of any characters, in tables and columns", async () => {
    await using pipeline = await createPipeline(
      `
      CREATE SCHEMA "Größe.1"; CREATE TABLE "Größe.1"."the ""table""" ("select" int PRIMARY KEY, "ä-ö" text, "_u0041" int, "😀" bool, "__proto__" int, "constructor" int)`,
      {
        tables: ['"Größe.1"."the ""table"""'],
      },
    );
    await pipeline.up({ createTables: false });
    await using connector = pipeline.startConnector();
    await connector.working;
    await using topic = new TopicEvents(pipeline);
    await pipeline.source.query('INSERT INTO "Größe.1"."the ""table""" VALUES (1, \'ß\', 2, true, 3, 4)');
    const [event] = await topic.drained();
    expect(event!.source).toMatchObject({ schema: "Größe.1", table: 'the "table"' });
    // In JavaScript a field __proto__ is not one of the object: avsc, which reads here, gives it to nobody. Our own reader has no objects.
    expect(Object.entries(event!.after!)).toEqual([
      ["select", 1],
      ["_u00e4_u002d_u00f6", "ß"],
      ["_u005fu0041", 2],
      ["_ud83d_ude00", true],
      ["constructor", 4],
    ]);
    await connector.stop();
  });
});

test("a TRUNCATE of several tables is an event for each of the service's own, of those that it cascades to as well", async () => {
  await using pipeline = await createPipeline(
    `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a); CREATE TABLE c (id int PRIMARY KEY REFERENCES b);
     CREATE TABLE other (id int PRIMARY KEY)`,
    { tables: ["a", "b", "c"] },
  );
  await pipeline.up();
  // More in the publication than the service owns: left out, and said once.
  await pipeline.source.query(`ALTER PUBLICATION ${pipeline.connector.publication} ADD TABLE other`);
  await using connector = pipeline.startConnector();
  await connector.working;
  await using topic = new TopicEvents(pipeline);
  await pipeline.source.query("BEGIN; INSERT INTO a VALUES (1); INSERT INTO other VALUES (1); TRUNCATE a CASCADE; INSERT INTO a VALUES (2); COMMIT");
  await pipeline.source.query("TRUNCATE other, c");
  await pipeline.source.query("INSERT INTO other VALUES (2)");
  const events = await topic.drained();
  expect(events.map(line)).toEqual([
    'c a {"id":1} null > {"id":1}',
    "t a - null > null",
    "t b - null > null",
    "t c - null > null",
    'c a {"id":2} null > {"id":2} .',
    "t c - null > null .",
  ]);
  // What is left out is counted all the same: a table that joins later does not move the others.
  expect(events.map(({ offtake }) => offtake.sequence)).toEqual([1, 3, 4, 5, 6, expect.any(Number)]);
  expect(chainFaults(topic.records)).toEqual([]);
  const leftOut = connector.log.filter(({ msg }) => msg?.startsWith("left out:"));
  expect(leftOut.map(({ msg }) => msg)).toEqual(["left out: the table public.other, which is in the publication and not among the service's tables"]);
  await connector.stop();
});

test("a table that is altered in the middle of a transaction has the rows before and after in their own shapes", async () => {
  await using pipeline = await createPipeline("CREATE TYPE colour AS ENUM ('red', 'green'); CREATE TABLE t (id int PRIMARY KEY, a text)");
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await connector.working;
  await using topic = new TopicEvents(pipeline);
  await pipeline.source.query(`
    BEGIN; INSERT INTO t VALUES (1, 'x'); ALTER TABLE t ADD COLUMN c colour DEFAULT 'green'; INSERT INTO t VALUES (2, 'y', 'red'); ALTER TABLE t DROP COLUMN a;
    INSERT INTO t VALUES (3, 'green'); ALTER TABLE t RENAME c TO kind; UPDATE t SET kind = 'red' WHERE id = 3; COMMIT`);
  const events = await topic.drained();
  expect(events.map(line)).toEqual([
    'c t {"id":1} null > {"id":1,"a":"x"}',
    'c t {"id":2} null > {"id":2,"a":"y","c":"red"}',
    'c t {"id":3} null > {"id":3,"c":"green"}',
    'u t {"id":3} null > {"id":3,"kind":"red"} .',
  ]);
  expect(chainFaults(topic.records)).toEqual([]);
  await connector.stop();
});

test("a change that readers would not understand stops the connector before the first event with it", async () => {
  await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY, a text)");
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await connector.working;
  await using topic = new TopicEvents(pipeline);
  await pipeline.source.query("INSERT INTO t VALUES (1, '1')");
  await pipeline.source.query("ALTER TABLE t ALTER a TYPE int USING a::int");
  await pipeline.source.query("INSERT INTO t VALUES (2, 2)");
  expect(await connector.ended).toMatchObject({ code: "SCHEMA_REFUSED", message: expect.stringContaining("public.t.Envelope") });
  expect((await topic.read()).events.map(line)).toEqual(['c t {"id":1} null > {"id":1,"a":"1"} .']);
});

test("a row that is larger than kafka.maxEvent stops the connector with its table, key and position; one below it, behind others, passes", async () => {
  await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY, a text)", { maxEvent: "256KiB" });
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await connector.working;
  await using topic = new TopicEvents(pipeline);
  await pipeline.source.query("INSERT INTO t SELECT i, repeat('x', 20000) FROM generate_series(1, 200) i");
  await pipeline.source.query("INSERT INTO t VALUES (1000, repeat('y', 260000))");
  expect(await topic.drained()).toHaveLength(201);
  await pipeline.source.query("INSERT INTO t VALUES (1001, repeat('z', 263000))");
  expect(await connector.ended).toMatchObject({
    code: "EVENT_TOO_LARGE",
    message: expect.stringMatching(/public\.t \(id\)=\(1001\) has \d+ bytes.*Position [0-9A-F]+\/[0-9A-F]+:1/),
  });
  await using again = pipeline.startConnector();
  expect(await again.ended).toMatchObject({ code: "EVENT_TOO_LARGE" });
  expect((await topic.read()).events).toHaveLength(201);
  expect(chainFaults(topic.records)).toEqual([]);
});
