import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPipeline } from "../../support/pipeline.ts";
import { monolithSql, monolithTables, run, transactions } from "./random-monolith.ts";
import { caughtUp, stateOf } from "./same-texts.ts";

describe("the whole pipeline", () => {
  test.each([
    ["large batches", {}],
    ["small ones, where larger transactions come in pieces", { batchRows: 7 }],
  ])("whatever the monolith does, the target prints the same: %s", async (_, apply) => {
    await using pipeline = await createPipeline(monolithSql, { apply });
    const { source, target } = pipeline;
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await using applier = pipeline.startApplier();
    await Promise.all([connector.working, applier.working]);
    const load = fc.sample(transactions, { seed: 20_261_121, numRuns: 400 });
    // Now and then the applier catches up, so that batches of many sizes meet rows of before.
    for (let from = 0; from < load.length; from += 100) {
      for (const transaction of load.slice(from, from + 100)) await run(source, transaction);
      await caughtUp(pipeline, [connector, applier]);
      expect(await stateOf(target, monolithTables)).toEqual(await stateOf(source, monolithTables));
    }
    const written = await stateOf(source, monolithTables);
    expect(Object.values(written).flat().length).toBeGreaterThan(50);
    await applier.stop();
    await connector.stop();
    expect(applier.log.filter(({ level }) => level !== "info" && level !== "debug")).toEqual([]);
  });
});
