/** What an altered publication, or an altered list of tables, keeps from the stream: the connector stops, and what is missing is said. */
import { describe, expect, test } from "vitest";
import { up } from "../../../services/cli/up.ts";
import { readMarks, readNeedsCopy } from "../../../services/apply/needs-copy.ts";
import type { Configuration, ServiceConfiguration } from "../../../services/runtime/configuration.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";
import { runConnector } from "../../../connectors/postgres/connector.ts";
import { olderRows } from "../../../connectors/postgres/copied-by-itself.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";
import { caughtUp } from "../../services/apply/same-texts.ts";
import { MemoryJournal, startCopying } from "./copying-connector.ts";

const schema = "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)";

function withTables(pipeline: Pipeline, tables: readonly string[]): ServiceConfiguration {
  return { ...pipeline.service, tables: pipeline.service.tables.flatMap((entry) => tables.map((table) => ({ ...entry, pattern: table, table }))) };
}

function startWith(pipeline: Pipeline, service: ServiceConfiguration): RunningUnit {
  const { configuration, connector, metrics } = pipeline;
  return startUnit(async ({ log, working, interruption, signal }) =>
    runConnector(
      { configuration: { ...configuration, services: [service] }, connector, service, log, metrics, capturing: working, interruption },
      signal,
    ),
  );
}

async function upWith(configuration: Configuration, said: string[] = [], signal = new AbortController().signal): Promise<void> {
  await up(configuration, { createTables: false }, { json: false, progress: (line: string) => void said.push(line), answer: () => {} }, signal);
}

const marks = async ({ target, connector }: Pipeline): Promise<string[]> => readNeedsCopy(target, connector.name);

describe("a connector that waits for another to give up the slot", () => {
  test("leaves it to that one to say what has happened to the tables: it does not know what the stream has, or when they were looked at last", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int, note text, PRIMARY KEY (id)) PARTITION BY LIST (id)");
    const { source } = pipeline;
    await source.query("CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t_2 PARTITION OF t FOR VALUES IN (2)");
    await pipeline.up();
    await source.query("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    await using reader = pipeline.startConnector();
    await reader.working;
    await source.query("VACUUM FULL t_1");
    expect(await pipeline.startConnector().ended).toMatchObject({ code: "SLOT_IN_USE" });
    expect(await marks(pipeline)).toEqual([]);
    await reader.stop();
  });
});

describe("a publication that is altered while its connector runs", () => {
  test("does not hold a new table that a pattern matches: the connector says so, and does not wait until it starts again", async () => {
    await using pipeline = await createPipeline(schema, { heartbeatEvery: "1s" });
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await connector.working;
    await pipeline.source.query("CREATE TABLE v (id int PRIMARY KEY)");
    expect(await connector.ended).toMatchObject({ code: "PUBLICATION_DIFFERS", message: expect.stringContaining("public.v") });
  });
});

describe("a list of tables that is altered", () => {
  test("so that a table leaves it and comes back marks the table, by `up` and by the connector", async () => {
    for (const byUp of [true, false]) {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      const [without, withIt] = [withTables(pipeline, ["t"]), withTables(pipeline, ["t", "u"])];
      await using first = startWith(pipeline, without);
      await first.working;
      await pipeline.source.query("INSERT INTO u VALUES (1); DELETE FROM u");
      await using topic = new TopicEvents(pipeline);
      expect(await topic.drained()).toEqual([]);
      await first.stop();
      expect(await marks(pipeline)).toEqual([]);
      if (byUp) await upWith({ ...pipeline.configuration, services: [withIt] });
      else {
        await using second = startWith(pipeline, withIt);
        await second.working;
        await second.stop();
      }
      expect(await marks(pipeline)).toEqual(["public.u"]);
    }
  });

  test("so that a table joins it, by `up`, while a connector still has the list before: what that passes by is marked", async () => {
    await using pipeline = await createPipeline(schema);
    const { source, target } = pipeline;
    const [without, withIt] = [withTables(pipeline, ["t"]), withTables(pipeline, ["t", "u"])];
    await upWith({ ...pipeline.configuration, services: [without] });
    await using first = startWith(pipeline, without);
    await first.working;
    await upWith({ ...pipeline.configuration, services: [withIt] });
    expect(await marks(pipeline)).toEqual([]);
    await source.query("INSERT INTO u VALUES (1)");
    const toldOff = "SELECT FROM offtake.captured_table WHERE table_name = 'public.u' AND NOT captured";
    await waitFor(async () => (await target.query(toldOff)).rowCount === 1, { what: "the word that it is not captured" });
    await first.stop();
    await using second = startWith(pipeline, withIt);
    await second.working;
    expect(await marks(pipeline)).toEqual(["public.u"]);
    await second.stop();
  });

  test("while its target is away: it captures, and what is missing is marked when the target is back", async () => {
    await using pipeline = await createPipeline(schema, { heartbeatEvery: "1s" });
    await pipeline.up();
    await using first = startWith(pipeline, withTables(pipeline, ["t"]));
    await first.working;
    await first.stop();
    await pipeline.target.query("ALTER SCHEMA offtake RENAME TO away");
    await using second = startWith(pipeline, withTables(pipeline, ["t", "u"]));
    await second.working;
    await pipeline.target.query("ALTER SCHEMA away RENAME TO offtake");
    await waitFor(async () => (await marks(pipeline)).length > 0, { what: "the mark" });
    expect(await marks(pipeline)).toEqual(["public.u"]);
    await second.stop();
  });
});

describe("a copy that goes on where it was, of a table that", () => {
  test.each([
    [
      "was out of its publication since, leaves the mark: what it had copied has changed, and no stream has it",
      ["ALTER PUBLICATION pub DROP TABLE t", "UPDATE t SET note = 'new'"],
      "old",
    ],
    [
      "was made again since, begins anew, and leaves the mark: it deletes nothing",
      ["DROP TABLE t", "CREATE TABLE t (id int PRIMARY KEY, note text)", "INSERT INTO t SELECT i, 'new' FROM generate_series(1, 40) AS i"],
      "new",
    ],
  ])("%s", async (_, statements, first) => {
    await using pipeline = await createPipeline(
      "CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t SELECT i, 'old' FROM generate_series(1, 40) AS i",
    );
    const { source, target, connector } = pipeline;
    await pipeline.up();
    const journal = new MemoryJournal();
    journal.add("public.t", undefined, [], olderRows.up);
    {
      await using unit = startCopying(pipeline, journal, { maxRowsPerSecond: 10 });
      await waitFor(() => journal.job("public.t")?.lastKey !== undefined, { what: "a chunk" });
      await unit.stop();
    }
    expect(journal.job("public.t")).toMatchObject({ state: "open" });
    for (const sql of [...statements, "ALTER PUBLICATION pub ADD TABLE t"]) await source.query(sql.replace("pub ", `${connector.publication} `));
    await using unit = startCopying(pipeline, journal);
    await using applier = pipeline.startApplier();
    await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
    await caughtUp(pipeline, [unit, applier]);
    expect(applier.log).toContainEqual(expect.objectContaining({ msg: "the table is copied", table: "public.t", reason: olderRows.up }));
    const { rows } = await target.query<{ note: string }>("SELECT note FROM t WHERE id IN (1, 40) ORDER BY id");
    expect(rows.map(({ note }) => note)).toEqual([first, "new"]);
    expect(await readMarks(target, connector.name)).toEqual([
      {
        table: "public.t",
        reason: expect.stringMatching(/^rows from before `offtake up`; was out of its publication for a while, or was made again \(seen at /),
      },
    ]);
    await unit.stop();
    await applier.stop();
  });
});

test("a copy that is asked for once more before it begins takes away the mark that it was asked for last", async () => {
  await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  const { target, connector } = pipeline;
  await pipeline.up();
  const journal = new MemoryJournal("public.t");
  journal.before = (call) => {
    if (call === "started") journal.renew("public.t", olderRows.up);
  };
  await using unit = startCopying(pipeline, journal);
  await using applier = pipeline.startApplier();
  await waitFor(() => journal.job("public.t")?.state === "copied", { what: "the copy" });
  await caughtUp(pipeline, [unit, applier]);
  expect(await readMarks(target, connector.name)).toEqual([]);
  await unit.stop();
  await applier.stop();
});

describe("`up` with a table that joins", () => {
  test("waits for a transaction that has rows of it already, and marks it", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await pipeline.source.query("CREATE TABLE late (id int PRIMARY KEY); CREATE TABLE none (id int PRIMARY KEY)");
    await pipeline.source.query("BEGIN; INSERT INTO late VALUES (1)");
    const said: string[] = [];
    const done = upWith(pipeline.configuration, said);
    await waitFor(() => said.some((line) => line.includes("waiting for the transactions")), { what: "`up` to wait" });
    await pipeline.source.query("COMMIT");
    await done;
    expect(await marks(pipeline)).toEqual(["public.late"]);
  });

  test("that the monolith could no longer update, alone or as a partition, publishes nothing", async () => {
    await using pipeline = await createPipeline(`${schema}; CREATE TABLE none (id int)`);
    await expect(pipeline.up()).rejects.toMatchObject({ code: "TABLE_UNSUITABLE", cure: expect.stringContaining("REPLICA IDENTITY FULL") });
    await pipeline.source.query("DROP TABLE none; CREATE TABLE whole (id int PRIMARY KEY) PARTITION BY RANGE (id)");
    await pipeline.source.query("CREATE TABLE part PARTITION OF whole DEFAULT; ALTER TABLE part REPLICA IDENTITY NOTHING");
    await expect(pipeline.up()).rejects.toMatchObject({
      code: "TABLE_UNSUITABLE",
      message: expect.stringContaining("public.whole has the partition public.part, "),
    });
    expect((await pipeline.source.query("SELECT FROM pg_publication")).rowCount).toBe(0);
    expect((await pipeline.target.query("SELECT FROM pg_namespace WHERE nspname = 'offtake'")).rowCount).toBe(0);
  });
});
