/**
 * PostgreSQL 18 refuses to update or delete rows of a published table that has REPLICA IDENTITY FULL and a stored generated column, unless the publication has
 * generated columns, too. So `up` must never publish one without: the monolith itself would stop working.
 */
import { escapeIdentifier } from "pg";
import { expect, test } from "vitest";
import { check } from "../../services/cli/check.ts";
import { caughtUp, stateOf } from "../services/apply/same-texts.ts";
import { createPipeline, type Pipeline } from "../support/pipeline.ts";

const whole = "CREATE TABLE whole (a int, twice int GENERATED ALWAYS AS (a * 2) STORED); ALTER TABLE whole REPLICA IDENTITY FULL";
const keyed = "CREATE TABLE keyed (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED)";

async function faults({ configuration }: Pipeline): Promise<(readonly [string, string])[]> {
  return (await check(configuration)).filter(({ level }) => level === "fault").map(({ what, cure }) => [what, cure] as const);
}

async function publishesGenerated({ source, connector }: Pipeline): Promise<string | undefined> {
  const { rows } = await source.query<{ kind: string }>("SELECT pubgencols AS kind FROM pg_publication WHERE pubname = $1", [connector.publication]);
  return rows[0]?.kind;
}

test("a publication gets generated columns with the first table that needs them, and only then", async () => {
  await using pipeline = await createPipeline(keyed);
  const {
    source,
    target,
    connector: { publication },
  } = pipeline;
  await pipeline.up();
  expect(await publishesGenerated(pipeline)).toBe("n");
  await source.query(whole);
  expect(await pipeline.up()).toMatchObject({ publication: "extended" });
  expect(await publishesGenerated(pipeline)).toBe("s");
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await Promise.all([connector.working, applier.working]);
  await source.query("INSERT INTO whole VALUES (1), (1), (2); INSERT INTO keyed VALUES (1, 1), (2, 2)");
  await source.query(
    "UPDATE whole SET a = 3 WHERE a = 2; DELETE FROM whole WHERE ctid = (SELECT min(ctid) FROM whole); UPDATE keyed SET n = 5 WHERE id = 1",
  );
  await caughtUp(pipeline, [connector, applier]);
  expect(await stateOf(target, { whole: "1", keyed: "1" })).toEqual({ whole: ["(1,2)", "(3,6)"], keyed: ["(1,5,10)", "(2,2,4)"] });

  const name = escapeIdentifier(publication);
  await source.query(`ALTER PUBLICATION ${name} SET (publish_generated_columns = none)`);
  await expect(source.query("DELETE FROM whole")).rejects.toThrow(/cannot delete from table "whole"/);
  const cure = `ALTER PUBLICATION ${name} SET (publish_generated_columns = stored);`;
  expect(await faults(pipeline)).toEqual([[expect.stringContaining("leaves out the generated columns of public.whole"), cure]]);
  await expect(pipeline.up()).rejects.toMatchObject({ code: "PUBLICATION_DIFFERS", cure });
});

test("a target with a mapping has to have a generated column that is published, or offtake.yaml to leave it out", async () => {
  await using pipeline = await createPipeline(`${whole}; ${keyed}`, { tables: { whole: null, keyed: { target: "other" } } });
  const { source, target } = pipeline;
  await target.query("CREATE TABLE whole (a int, twice int); CREATE TABLE other (id int PRIMARY KEY, n int)");
  // Before and after `up`: what it would publish counts.
  const missing = [["the target's table public.other has no column twice", 'ALTER TABLE "public"."other" ADD COLUMN "twice" integer;']];
  expect(await faults(pipeline)).toEqual(missing);
  await pipeline.up();
  expect(await faults(pipeline)).toEqual(missing);
  await target.query(missing[0]![1]!);
  expect(await faults(pipeline)).toEqual([]);
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await Promise.all([connector.working, applier.working]);
  await source.query("INSERT INTO whole VALUES (1); INSERT INTO keyed VALUES (1, 1); UPDATE whole SET a = 4; UPDATE keyed SET n = 4");
  await caughtUp(pipeline, [connector, applier]);
  expect(await stateOf(target, { whole: "1", other: "1" })).toEqual({ whole: ["(4,8)"], other: ["(1,4,8)"] });
});
