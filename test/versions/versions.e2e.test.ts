/**
 * Source and target of different versions of PostgreSQL, through the whole pipeline, and what docs/versions.md says of them.
 *
 * Two pairings run with every `npm test`, up and down; `OFFTAKE_VERSIONS=all npm test -- test/versions` runs all sixteen and writes the document, `OFFTAKE_VERSIONS=16-17,17-16`
 * those that it names. `OFFTAKE_TRANSACTIONS` says how many with values of every type, `OFFTAKE_SEED` which.
 */
import { afterAll, describe, expect, inject, test } from "vitest";
import { postgresBinaries } from "../../infra/local/postgres-binaries.ts";
import { newestPostgres, postgresMajors } from "../../infra/local/postgres-versions.ts";
import { startStack } from "../../infra/local/stack.ts";
import { check, checkExit } from "../../services/cli/check.ts";
import { stopsAs } from "../mishaps/mishaps.ts";
import { caughtUp, stateOf } from "../services/apply/same-texts.ts";
import { createPipeline } from "../support/pipeline.ts";
import { type PairingOutcome, runPairing } from "./pairing.ts";
import { documentedLines, linesOf, writeDocument } from "./version-table.ts";

const wanted = process.env["OFFTAKE_VERSIONS"] ?? "15-18,18-15";
const seed = Number(process.env["OFFTAKE_SEED"] ?? 20_261_122);
const count = Number(process.env["OFFTAKE_TRANSACTIONS"] ?? 30);
const all = wanted === "all";

const pairings = postgresMajors
  .flatMap((source) => postgresMajors.map((target) => [source, target] as const))
  .filter(([source, target]) => all || wanted.split(",").includes(`${source}-${target}`));

const outcomes: PairingOutcome[] = [];

describe("PostgreSQL", () => {
  test.each(pairings)("%i to %i: what both know is carried, what the target does not know is said", { timeout: 600_000 }, async (source, target) => {
    const began = performance.now();
    const events = { kafka: inject("kafka"), registry: inject("registry") };
    const outcome = await runPairing(source, target, events, { seed, transactions: count });
    process.stderr.write(
      `${source} to ${target}, seed ${seed}: ${JSON.stringify(outcome.types)} in ${((performance.now() - began) / 1000).toFixed(0)} s\n`,
    );
    for (const { feature, word, why } of outcome.features)
      expect({ feature: feature.name, word, why }).toMatchObject({ word: feature.since <= target ? "carried" : feature.older });
    outcomes.push(outcome);
    const said = all ? linesOf(outcome) : documentedLines(outcome);
    expect(said).toEqual(linesOf(outcome));
  });

  test("18 can publish generated columns: the target generates its own, whatever comes", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED)");
    const { source, target, connector: configuration } = pipeline;
    await source.query(`CREATE PUBLICATION ${configuration.publication} FOR TABLE t WITH (publish_generated_columns = stored)`);
    expect(await pipeline.up()).toMatchObject({ publication: "present" });
    await using connector = pipeline.startConnector();
    await using applier = pipeline.startApplier();
    await Promise.all([connector.working, applier.working]);
    await source.query("INSERT INTO t VALUES (1, 2), (2, NULL)");
    await source.query("UPDATE t SET n = 5 WHERE id = 1");
    await caughtUp(pipeline, [connector, applier]);
    expect(await stateOf(target, { t: "id" })).toEqual({ t: ["(1,5,10)", "(2,,)"] });
  });

  test("publication: it was dropped and made again before PostgreSQL 18, and a row was changed between", async () => {
    await using stack = await startStack({ backend: "local", servers: ["source"], postgres: { source: 16 }, progress: () => undefined });
    const servers = { source: stack.source.url(), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
    await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY)", { servers });
    const { source, connector: configuration } = pipeline;
    await pipeline.up();
    await source.query(`DROP PUBLICATION ${configuration.publication}`);
    await source.query("INSERT INTO t VALUES (1)");
    await source.query(`CREATE PUBLICATION ${configuration.publication} FOR TABLE t`);
    await using connector = pipeline.startConnector();
    expect(await connector.ended).toMatchObject({
      ...stopsAs("publication", "it was dropped and made again before PostgreSQL 18, and a row was changed between"),
      cure: expect.stringMatching(/PostgreSQL before 18 cannot pass such a change by.* Starting over: /),
    });
  });

  test("14 is refused on both sides, by every command, with the cure", async () => {
    const postgres = { source: 14, target: 14 } as const;
    await using stack = await startStack({ backend: "local", servers: ["source", "target"], postgres, progress: () => undefined });
    const servers = { source: stack.source.url(), target: stack.target.url(), kafka: inject("kafka"), registry: inject("registry") };
    await using pipeline = await createPipeline("CREATE TABLE trades (id int PRIMARY KEY)", { servers });
    const findings = await check(pipeline.configuration);
    expect(checkExit(findings)).toBe(3);
    expect(findings.filter(({ level }) => level === "fault").map(({ where, code, cure }) => [where, code, cure.slice(0, 37)])).toEqual([
      ["source", "SERVER_TOO_OLD", "Upgrade it to PostgreSQL 15 or later "],
      ["control", "SERVER_TOO_OLD", "Upgrade it to PostgreSQL 15 or later "],
      ["service trading", "SERVER_TOO_OLD", "Upgrade it to PostgreSQL 15 or later "],
    ]);
    await expect(pipeline.up()).rejects.toMatchObject({ code: "SERVER_TOO_OLD" });
    for (const start of [() => pipeline.startConnector(), () => pipeline.startApplier()]) {
      await using unit = start();
      expect(await unit.ended).toMatchObject({ code: "SERVER_TOO_OLD" });
    }
  });
});

afterAll(async () => {
  if (all && outcomes.length === postgresMajors.length ** 2)
    writeDocument(outcomes, (await postgresBinaries(newestPostgres, () => undefined)).version);
});
