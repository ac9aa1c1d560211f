/**
 * Rows from before the stream, of every type, carried while the monolith goes on and `offtake run` is killed at any chunk: in the end both sides print the same.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import pg from "pg";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { readMarks } from "../../../services/apply/needs-copy.ts";
import { Victim } from "../../chaos/victim.ts";
import { caughtUp, stateOf } from "../../services/apply/same-texts.ts";
import { columns, monolithSql, monolithTables, run, transactions } from "../../services/apply/random-monolith.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { waitFor } from "../../support/wait-for.ts";

/** Without the one that has no key. */
const { lines: _withoutKey, ...tables } = monolithTables;

/** So slow that a process can be killed between any two chunks. */
async function slowly(pipeline: Pipeline): Promise<void> {
  const configuration: { services: Record<string, object> } = parse(await readFile(pipeline.file, "utf8"));
  configuration.services["trading"] = { ...configuration.services["trading"], snapshot: { maxRowsPerSecond: 150 } };
  await writeFile(pipeline.file, stringify(configuration));
}

test("a service is carried whole, however often its processes are killed", async () => {
  await using pipeline = await createPipeline(monolithSql, { tables: Object.keys(tables) });
  await using folder = await temporaryFolder();
  const { source, target, connector } = pipeline;
  for (const [i, [type, values]] of columns.entries())
    for (const value of values) await source.query(`INSERT INTO everything (c${i}) VALUES ($1::text::${type})`, [value]);
  const load = fc.sample(transactions, { seed: 20_261_122, numRuns: 500 });
  for (const transaction of load.slice(0, 200)) await run(source, transaction);
  await source.query("INSERT INTO wholes SELECT gen_random_uuid(), 'old', repeat('b', 3000) FROM generate_series(1, 300)");
  await pipeline.up();
  await slowly(pipeline);
  const control = new pg.Client(pipeline.controlUrl);
  await control.connect();
  const victim = new Victim(["run", "--config", pipeline.file, "--http-port", "0"], join(folder.path, "run.log"));
  try {
    let seen = 0;
    let from = 200;
    for (let copied = false; !copied; from += 30) {
      for (const transaction of load.slice(from, from + 30)) await run(source, transaction);
      const now = await waitFor(
        async () => {
          const { rows } = await control.query<{ rows: number; copied: boolean }>(
            "SELECT coalesce(sum(rows), 0)::int AS rows, count(*) = $2 AND bool_and(state = 'copied') AS copied FROM offtake.snapshot WHERE connector = $1",
            [connector.name, Object.keys(tables).length],
          );
          return (rows[0]!.rows !== seen || rows[0]!.copied) && rows[0];
        },
        { what: "another chunk" },
      );
      ({ rows: seen, copied } = now);
      if (copied || victim.kills === 3) continue;
      await victim.kill();
      victim.restart();
    }
    expect(victim.kills).toBe(3);
    await caughtUp(pipeline);
    expect(await stateOf(target, tables)).toEqual(await stateOf(source, tables));
    await waitFor(async () => (await readMarks(target, connector.name)).length === 0, { what: "the marks to be gone" });
  } finally {
    await victim.stop();
    await control.end();
  }
});
