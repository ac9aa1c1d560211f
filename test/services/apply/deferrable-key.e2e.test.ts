import { expect, test } from "vitest";
import { createPipeline } from "../../support/pipeline.ts";
import { caughtUp, stateOf } from "./same-texts.ts";

test("keys that swap under a deferrable primary key: no row is lost", async () => {
  await using pipeline = await createPipeline(
    `CREATE TABLE late (id int4 PRIMARY KEY DEFERRABLE, v text); ALTER TABLE late REPLICA IDENTITY FULL;
     CREATE TABLE later (id int4 PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v text); ALTER TABLE later REPLICA IDENTITY FULL`,
  );
  const { source, target } = pipeline;
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await Promise.all([connector.working, applier.working]);
  for (const table of ["late", "later"]) {
    await source.query(`INSERT INTO ${table} VALUES (1, 'a'), (2, 'b')`);
    await source.query(`UPDATE ${table} SET id = 3 - id`);
  }
  await source.query("UPDATE late SET v = v || '+' WHERE id = 1; DELETE FROM later WHERE id = 2");
  await caughtUp(pipeline, [connector, applier]);
  const tables = { late: "id", later: "id" };
  expect(await stateOf(target, tables)).toEqual(await stateOf(source, tables));
  expect(await stateOf(target, tables)).toEqual({ late: ["(1,b+)", "(2,a)"], later: ["(1,b)"] });
  await applier.stop();
  await connector.stop();
});
