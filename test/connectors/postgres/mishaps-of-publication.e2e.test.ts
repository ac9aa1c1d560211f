/** What somebody may do to a publication, while the connector runs or not: rows that it left out are in no stream, and are known to be missing. */
import { expect, test } from "vitest";
import { copiedByItself } from "../../../connectors/postgres/copied-by-itself.ts";
import { readMarks, readNeedsCopy } from "../../../services/apply/needs-copy.ts";
import { stopsAs } from "../../mishaps/mishaps.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import type { RunningUnit } from "../../support/running-unit.ts";
import { TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";

const schema = "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)";

async function prepared(): Promise<Pipeline> {
  const pipeline = await createPipeline(schema, { heartbeatEvery: "1s" });
  await pipeline.up();
  return pipeline;
}

const marks = async ({ target, connector }: Pipeline): Promise<string[]> => readNeedsCopy(target, connector.name);

/** That the connector goes on: what is inserted now gets into the topic. */
async function goesOn(pipeline: Pipeline, unit: RunningUnit): Promise<void> {
  await unit.working;
  await using topic = new TopicEvents(pipeline);
  await pipeline.source.query("INSERT INTO u VALUES (100)");
  expect((await topic.drained()).map(({ after }) => after)).toContainEqual({ id: 100 });
  await pipeline.source.query("DELETE FROM u");
}

test("publication: a table is taken out of it", async () => {
  await using pipeline = await prepared();
  const { publication } = pipeline.connector;
  await using connector = pipeline.startConnector();
  await connector.working;
  await pipeline.source.query(`ALTER PUBLICATION ${publication} DROP TABLE t`);
  const stops = { ...stopsAs("publication", "a table is taken out of it"), message: expect.stringContaining("does not hold the table public.t") };
  expect(await connector.ended).toMatchObject(stops);
  await using again = pipeline.startConnector();
  const error = await again.ended;
  expect(error).toMatchObject(stops);
  await pipeline.source.query(error!.cure);
  await using mended = pipeline.startConnector();
  await goesOn(pipeline, mended);
  await mended.stop();
});

test("publication: a table was out of it, and is in it again", async () => {
  await using pipeline = await prepared();
  const { publication } = pipeline.connector;
  const outAndIn = async (table: string): Promise<unknown> =>
    pipeline.source.query(`ALTER PUBLICATION ${publication} DROP TABLE ${table}; ALTER PUBLICATION ${publication} ADD TABLE ${table}`);
  {
    // Whole again before anyone looks.
    await using connector = pipeline.startConnector();
    await connector.working;
    await outAndIn("t");
    await waitFor(async () => (await marks(pipeline)).length > 0, { what: "the mark" });
    expect(await marks(pipeline)).toEqual(["public.t"]);
    await goesOn(pipeline, connector);
    await connector.stop();
  }
  await outAndIn("u");
  await using again = pipeline.startConnector();
  await again.working;
  expect(await marks(pipeline)).toEqual(["public.t", "public.u"]);
  expect(again.log.filter(({ table }) => table === "public.u")).toMatchObject([
    { level: "error", reason: expect.stringContaining("out of its publication") },
  ]);
  await goesOn(pipeline, again);
  await again.stop();
});

test("publication: it is dropped", async () => {
  await using pipeline = await prepared();
  await using connector = pipeline.startConnector();
  await connector.working;
  await pipeline.source.query(`DROP PUBLICATION ${pipeline.connector.publication}`);
  const stops = stopsAs("publication", "it is dropped");
  expect(await connector.ended).toMatchObject(stops);
  await using again = pipeline.startConnector();
  expect(await again.ended).toMatchObject(stops);
  expect(await pipeline.up()).toMatchObject({ publication: "created", notCopied: ["public.t", "public.u"] });
  // Rows that were deleted meanwhile have to go first: they are not copied as tables are that join.
  expect(copiedByItself(await readMarks(pipeline.target, pipeline.connector.name)).size).toBe(0);
  await using mended = pipeline.startConnector();
  await goesOn(pipeline, mended);
  await mended.stop();
});

test("publication: it was dropped and made again", async () => {
  const { publication, both } = {
    publication: (name: string) => `DROP PUBLICATION ${name}; CREATE PUBLICATION ${name} FOR TABLE t, u`,
    both: ["public.t", "public.u"],
  };
  await using pipeline = await prepared();
  {
    await using connector = pipeline.startConnector();
    await connector.working;
    await pipeline.source.query(publication(pipeline.connector.publication));
    await waitFor(async () => (await marks(pipeline)).length > 0, { what: "the marks" });
    expect(await marks(pipeline)).toEqual(both);
    await goesOn(pipeline, connector);
    await connector.stop();
  }
  await pipeline.target.query("DELETE FROM offtake.needs_copy");
  await pipeline.source.query(`DROP PUBLICATION ${pipeline.connector.publication}`);
  await pipeline.source.query("INSERT INTO t VALUES (1)");
  await pipeline.source.query(`CREATE PUBLICATION ${pipeline.connector.publication} FOR TABLE t, u`);
  await using again = pipeline.startConnector();
  await again.working;
  expect(await marks(pipeline)).toEqual(both);
  await goesOn(pipeline, again);
  await again.stop();
});
