/**
 * A monolith of random tables under a mixed load, to targets of which some are of another mind: every table equal by text.
 *
 * Sixty tables with every `npm test`; `OFFTAKE_TABLES=300 npm test -- test/tables/random-tables` has three hundred, `OFFTAKE_SEED` other ones.
 */
import type { Client } from "pg";
import { expect, test } from "vitest";
import { SeededRandom } from "../../infra/demo/seeded-random.ts";
import { check } from "../../services/cli/check.ts";
import { caughtUp, stateOf } from "../services/apply/same-texts.ts";
import { createPipeline } from "../support/pipeline.ts";
import { writeLoad } from "./random-load.ts";
import { type RandomTable, randomTables, tableSql } from "./random-tables.ts";
import { type RandomTarget, randomTarget } from "./random-targets.ts";
import { randomTypes, typesSql } from "./random-types.ts";

const count = Number(process.env["OFFTAKE_TABLES"] ?? 60);
const seed = Number(process.env["OFFTAKE_SEED"] ?? 20_261_121);

/** Not mapped, so that `up` has a reason to create every type that a mapped table may have. */
const everyType = `CREATE TABLE every_type (id int4 PRIMARY KEY, ${randomTypes.map(({ sql }, i) => `c${i} ${sql}`).join(", ")});`;

test(`${count} tables of random kinds are at the target what they are at the monolith`, { timeout: 1_800_000 }, async ({ annotate }) => {
  const random = new SeededRandom(seed, "tables");
  const tables = randomTables(random, { count, virtual: true });
  const targets = new Map(tables.filter(() => random.chance(0.2)).map((table, i) => [table, randomTarget(random, table, i)]));
  const mapped = Object.fromEntries([...targets.values()].map(({ entry }) => entry));
  const entries = { "*": null, ...(tables.some(({ schema }) => schema !== "public") ? { "Apart from.*": null } : {}), ...mapped };
  const sql = [`CREATE SCHEMA "Apart from"`, typesSql, everyType, ...tables.map((table) => tableSql(random, table))].join(";\n");
  await using pipeline = await createPipeline(sql, { tables: entries });
  const { source, target } = pipeline;

  const { tables: created } = await pipeline.up();
  const partitioned = tables.filter(({ partitionedBy }) => partitionedBy !== undefined);
  expect(partitioned.some((table) => targets.has(table)) && partitioned.some((table) => !targets.has(table))).toBe(true);
  expect(created?.created.filter(({ table }) => !table.startsWith("part ")).length).toBe(count - targets.size + 1);
  await target.query(["CREATE SCHEMA desk", ...[...targets.values()].map((each) => each.sql)].join(";\n"));
  expect((await check(pipeline.configuration)).filter(({ level }) => level === "fault")).toEqual([]);

  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await Promise.all([connector.working, applier.working]);
  const began = performance.now();
  const load = await writeLoad(source, random, tables, count * 8);
  const written = performance.now();
  await caughtUp(pipeline, [connector, applier], 60_000 + count * 3000);
  const rows = await expectEqual(source, target, tables, targets);
  expect(Math.min(...Object.values(load))).toBeGreaterThan(0);
  expect(rows).toBeGreaterThan(count);
  await annotate(
    `seed ${seed}: ${count} tables, ${targets.size} mapped, ${partitioned.length} partitioned, ${JSON.stringify(load)} rows changed in ${seconds(written - began)}, ${rows} rows equal ${seconds(performance.now() - written)} later`,
  );
});

/** @returns how many rows there are */
async function expectEqual(
  source: Client,
  target: Client,
  tables: readonly RandomTable[],
  targets: ReadonlyMap<RandomTable, RandomTarget>,
): Promise<number> {
  const texts = async (client: Client, side: "source" | "target"): Promise<string[][]> => {
    const views = tables.map((table) => {
      const other = targets.get(table);
      const rows = other === undefined || side === "source" ? table.sqlRows : `ONLY ${other.sqlName}`;
      return [`(SELECT ${other?.columns[side].join(", ") ?? "*"} FROM ${rows})`, "1"];
    });
    return Object.values(await stateOf(client, Object.fromEntries(views)));
  };
  const [wanted, found] = [await texts(source, "source"), await texts(target, "target")];
  expect(wanted.length).toBe(tables.length);
  const different = tables.flatMap((table, i) =>
    JSON.stringify(wanted[i]) === JSON.stringify(found[i])
      ? []
      : [{ table: table.sqlName, identity: table.identity, source: wanted[i], target: found[i] }],
  );
  expect(different.slice(0, 3)).toEqual([]);
  return wanted.flat().length;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
