/** Changes of the schema while connector and applier are killed: a few of docs/tables.md, at one place each. `npm run chaos -- altered` tries each at every place. */
import { expect, inject, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { allCells, alteredMatrix } from "./altered-matrix.ts";

const sample: ReadonlySet<string> = new Set([
  "A column with a modifier is added; `ddl: follow`",
  "A column is renamed",
  "A column is added between two changes of one transaction; `ddl: follow`",
  "A column gets a type of another Avro form",
]);

test("a table is altered between two changes of one row, and connector and applier are killed: nothing is lost, and the errors' cures are enough", async () => {
  await using folder = await temporaryFolder();
  const servers = { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  // Carried by the applier; stops the connector, then the applier; stops the applier: at four places.
  const cells = allCells().filter(({ name }, i) => i < 20 && sample.has(name));
  expect(cells).toHaveLength(sample.size);
  const found = await alteredMatrix(servers, { cells, folder: folder.path, progress: (line) => void process.stdout.write(`${line}\n`) });
  process.stdout.write(`${JSON.stringify(found)}\n`);
  expect(found).toMatchObject({ changes: cells.length, kills: 2 * cells.length, different: 0 });
  expect(found.rows).toBeGreaterThanOrEqual(2 * cells.length);
});
