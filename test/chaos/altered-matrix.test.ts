/** Changes of the schema while connector and applier are killed: a few of docs/tables.md, at one place each. `npm run chaos -- altered` tries each at every place. */
import { expect, inject, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { allCells, alteredMatrix } from "./altered-matrix.ts";

/** By the place at which connector and applier are killed: carried by the applier; stops the applier; stops the connector, then the applier. */
const sample: Readonly<Record<string, number>> = {
  "A column with a modifier is added; `ddl: follow`": 2,
  "A column is renamed": 9,
  "A column is added between two changes of one transaction; `ddl: follow`": 12,
  "A column gets a type of another Avro form": 15,
};

test("a table is altered between two changes of one row, and connector and applier are killed: nothing is lost, and the errors' cures are enough", async () => {
  await using folder = await temporaryFolder();
  const servers = { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  const cells = allCells().filter(({ name, place }) => sample[name] === place);
  expect(cells).toHaveLength(Object.keys(sample).length);
  const found = await alteredMatrix(servers, { cells, folder: folder.path, progress: (line) => void process.stdout.write(`${line}\n`) });
  process.stdout.write(`${JSON.stringify(found)}\n`);
  // At each of these places a death holds back what comes behind the change.
  expect(found).toMatchObject({ changes: cells.length, kills: 2 * cells.length, killedWithin: cells.length, outside: [], different: 0 });
  expect(found.rows).toBeGreaterThanOrEqual(2 * cells.length);
  expect(found.besideRows).toBeGreaterThan(0);
});
