/**
 * Every type of a server through a whole pipeline: rows from before by the copy, everything else by the stream, with merged statements and in source order, until the target prints what the
 * source prints, and a pass of the reconciler says so, too.
 */
import type { Client } from "pg";
import { expect } from "vitest";
import type { PostgresMajor } from "../../infra/local/postgres-versions.ts";
import { readMarks } from "../../services/apply/needs-copy.ts";
import { MemoryJournal, startCopying } from "../connectors/postgres/copying-connector.ts";
import { caughtUp, stateOf } from "../services/apply/same-texts.ts";
import { pass } from "../services/reconcile/passing.ts";
import { tableOf, tally } from "../support/changed-table.ts";
import { createPipeline, type Servers } from "../support/pipeline.ts";
import { running } from "../support/running-all.ts";
import { waitFor } from "../support/wait-for.ts";
import {
  createTypedMonolith,
  type TypedMonolith,
  everyValue,
  extensionsSql,
  largeLoad,
  run,
  tablesOf,
  transactionsOf,
  type TypedTable,
} from "./typed-monolith.ts";

export interface TypedRun {
  readonly servers: Servers;
  /** The older of the two versions. */
  readonly oldest: PostgresMajor;
  readonly seed: number;
  readonly transactions: number;
}

export interface TypedFigures {
  readonly types: number;
  readonly tables: number;
  readonly rows: number;
  /** Values that are not NULL, of all rows that were compared. */
  readonly values: number;
}

/** @throws where a text at the target is not what it is at the source */
export async function runTypes({ servers, oldest, seed, transactions }: TypedRun): Promise<TypedFigures> {
  await using pipeline = await createPipeline(extensionsSql, { servers });
  const { source, target } = pipeline;
  await target.query(extensionsSql);
  const monolith = await createTypedMonolith(source, oldest);
  const tables = tablesOf(monolith);
  const [keyed, keyless] = monolith.tables;
  const third = Math.ceil(transactions / 3);
  const load = transactionsOf(monolith.tables, oldest, seed, third * 2);
  expect((await run(source, everyValue(monolith, keyed!, seed, 1000))).refused).toEqual([]);
  // Rows of a table without a key are not copied: it has none before the stream.
  const before = monolith.tables.filter(({ key }) => key !== "none");
  const generated = new GeneratedLoad(source);
  await generated.run(transactionsOf(before, oldest, seed, third));
  await source.query(largeLoad[0]!, [1]);

  await pipeline.up();
  {
    await using all = await running(pipeline.configuration);
    await waitFor(async () => (await readMarks(target, pipeline.connector.name)).length === 0, { what: "the copies", timeout: 120_000 });
    expect(await all.stop()).toBe(true);
  }
  const journal = new MemoryJournal();
  await using connector = startCopying(pipeline, journal);
  await using applier = pipeline.startApplier();
  await Promise.all([connector.working, applier.working]);
  expect((await run(source, everyValue(monolith, keyless!, seed))).refused).toEqual([]);
  await generated.run(load.slice(0, third));
  for (const sql of largeLoad) await source.query(sql, [2]);
  await source.query("UPDATE large SET n = 3 WHERE id = 1");
  await caughtUp(pipeline, [connector, applier], 120_000);
  expect(await stateOf(target, tables), `seed ${seed}`).toEqual(await stateOf(source, tables));

  // With a trigger that fires everywhere its table is applied in source order.
  await target.query(`CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER seen BEFORE UPDATE ON every_type FOR EACH ROW EXECUTE FUNCTION seen(); ALTER TABLE every_type ENABLE ALWAYS TRIGGER seen`);
  expect((await run(source, everyValue(monolith, keyed!, seed + 1, 2000))).refused).toEqual([]);
  await generated.run(load.slice(third));
  const shares = generated.shares(monolith.tables);
  expect(
    shares.filter((share) => !(share > 0.5)),
    `seed ${seed}: ${generated.refused}`,
  ).toEqual([]);
  await source.query("DELETE FROM large WHERE id = 1");
  await caughtUp(pipeline, [connector, applier], 120_000);
  // Rows that are found by keys of every type, as a repair asks for them.
  for (const table of monolith.tables.filter(({ key }) => key === "all")) {
    const columns = table.types.map((_, i) => `c${i}`);
    const { rows } = await source.query<string[]>({
      text: `SELECT ${columns.map((name) => `${name}::text`).join(", ")} FROM ${table.name}`,
      rowMode: "array",
    });
    journal.add(`public.${table.name}`, columns, rows);
    await target.query(`DELETE FROM ${table.name}`);
  }
  await waitFor(() => journal.jobs.every(({ state: done }) => done !== "open"), { what: "the keys" });
  expect(journal.jobs.flatMap(({ table, error }) => (error === undefined ? [] : [`${table}: ${error.message}`]))).toEqual([]);
  await caughtUp(pipeline, [connector, applier], 120_000);
  const state = await stateOf(source, tables);
  expect(await stateOf(target, tables), `seed ${seed}`).toEqual(state);
  expect(
    (await pass(pipeline))
      .filter(({ table }) => table !== "public.every_type_keyless")
      .map(({ table, verdict, reason }) => ({ table, verdict, reason })),
  ).toEqual([...before.map(({ name }) => name), "large"].toSorted().map((table) => ({ table: `public.${table}`, verdict: "equal", reason: null })));
  return {
    types: monolith.types.length,
    tables: Object.keys(tables).length,
    rows: Object.values(state).flat().length,
    values: await valuesIn(source, monolith),
  };
}

/** What is generated may be refused, for a value or a key, or find no row; a load of which most is would carry nothing, and be equal all the same. */
class GeneratedLoad {
  readonly #source: Client;
  readonly #tried: string[] = [];
  readonly #changed: string[] = [];
  readonly #refused: string[] = [];

  constructor(source: Client) {
    this.#source = source;
  }

  async run(transactions: readonly (readonly string[])[]): Promise<void> {
    for (const statements of transactions) {
      const { refused, changed } = await run(this.#source, statements);
      this.#tried.push(...statements.map(tableOf));
      this.#refused.push(...refused);
      this.#changed.push(...changed);
    }
  }

  /** Of all statements, and of those of the two tables that have many, which share has changed rows. */
  shares([keyed, keyless]: readonly TypedTable[]): number[] {
    const [tried, changed] = [tally(this.#tried), tally(this.#changed)];
    const shareOf = (name: string): number => (changed.get(name) ?? 0) / (tried.get(name) ?? 0);
    return [this.#changed.length / this.#tried.length, shareOf(keyed!.name), shareOf(keyless!.name)];
  }

  /** What was refused, and why. */
  get refused(): string {
    return this.#refused.join("\n");
  }
}

/** How many values there are that are not NULL. */
async function valuesIn(source: Client, { tables }: TypedMonolith): Promise<number> {
  let count = 0;
  for (const { name, types } of tables) {
    const counts = types.map((_, i) => `count(c${i})`);
    const { rows } = await source.query<{ count: string }>(`SELECT ${counts.join(" + ")} AS count FROM ${name}`);
    count += Number(rows[0]!.count);
  }
  return count;
}
