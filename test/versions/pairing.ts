/**
 * One pairing of versions: a source of one, a target of the other, and everything between check and status, with rows of every type under load. What
 * becomes of each feature that only some versions have is found out by creating its tables; those that the target takes are replicated with the rest.
 */
import { expect } from "vitest";
import pg, { type Client } from "pg";
import fc from "fast-check";
import { type Stack, startStack } from "../../infra/local/stack.ts";
import type { PostgresMajor } from "../../infra/local/postgres-versions.ts";
import { createTables } from "../../services/apply/create-tables.ts";
import { check } from "../../services/cli/check.ts";
import type { Finding } from "../../services/cli/finding.ts";
import { status } from "../../services/cli/status.ts";
import { asOfftakeError } from "../../services/runtime/errors.ts";
import { caughtUp, stateOf } from "../services/apply/same-texts.ts";
import { monolithSql, monolithTables, run, transactions, type Transaction } from "../services/apply/random-monolith.ts";
import { uniqueName } from "../support/databases.ts";
import { createPipeline, type Pipeline } from "../support/pipeline.ts";
import type { RunningUnit } from "../support/running-unit.ts";
import { runTypes, type TypedFigures } from "../types/typed-run.ts";
import { featuresOf, infiniteIntervals, type TargetWord, type VersionFeature } from "./version-features.ts";

/** What the target makes of a feature's tables: the statement's result, and its reasons. */
export interface FeatureOutcome {
  readonly feature: Pick<VersionFeature, "name" | "since" | "older">;
  readonly word: TargetWord;
  readonly why: string;
}

export interface PairingOutcome {
  readonly source: PostgresMajor;
  readonly target: PostgresMajor;
  readonly features: readonly FeatureOutcome[];
  readonly types: TypedFigures;
}

export interface PairingOptions {
  /** Of the generated transactions. */
  readonly seed: number;
  /** How many of them have values of every type. */
  readonly transactions: number;
}

export interface EventServers {
  readonly kafka: readonly string[];
  readonly registry: string;
}

/** @throws where anything but a feature that is too new for the target does not work */
export async function runPairing(
  source: PostgresMajor,
  target: PostgresMajor,
  events: EventServers,
  { seed, transactions: count }: PairingOptions,
): Promise<PairingOutcome> {
  await using stack = await startStack({ backend: "local", servers: ["source", "target"], postgres: { source, target }, progress: () => undefined });
  expect([await majorOf(stack.source.url()), await majorOf(stack.target.url())]).toEqual([source, target]);
  const features = await tryFeatures(stack, featuresOf(source));
  const infinite = await replicate(
    stack,
    source,
    target,
    featuresOf(source).filter((_, i) => features[i]!.word !== "refused"),
    events,
  );
  const servers = { source: stack.source.url(), target: stack.target.url(), ...events };
  const types = await runTypes({ servers, oldest: source < target ? source : target, seed, transactions: count });
  return { source, target, features: [...features, ...infinite], types };
}

async function majorOf(url: string): Promise<number> {
  return within(url, async (client) => {
    const { rows } = await client.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
    return Math.floor(Number(rows[0]!.version) / 10_000);
  });
}

/** Creates the tables of each feature that the source has, in databases of their own. */
async function tryFeatures(stack: Stack, features: readonly VersionFeature[]): Promise<FeatureOutcome[]> {
  const database = uniqueName("features");
  for (const server of [stack.source, stack.target]) await server.createDatabase(database);
  return within(stack.source.url(database), async (source) =>
    within(stack.target.url(database), async (target) => {
      const outcomes: FeatureOutcome[] = [];
      for (const feature of features) {
        await source.query(feature.sql);
        outcomes.push(await tryFeature(source, target, feature));
      }
      return outcomes;
    }),
  );
}

async function tryFeature(source: Client, target: Client, feature: VersionFeature): Promise<FeatureOutcome> {
  const tables = feature.tables.map((name) => {
    const [schema, table] = name.includes(".") ? name.split(".") : ["public", name];
    return { schema: schema!, table: table! };
  });
  try {
    const { leftOut } = await createTables({ source, target, service: "trading", tables, targetSchema: "public" });
    // Said of every schema, whatever the versions.
    const own = leftOut.filter(({ what }) => what !== "owners and privileges");
    return { feature, word: own.length === 0 ? "carried" : "left out", why: own.map(({ what, why }) => `${what}: ${why}`).join("; ") };
  } catch (error) {
    const { code, message } = asOfftakeError(error);
    return { feature, word: "refused", why: `${code}: ${message}` };
  }
}

async function within<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** @returns what becomes of infinite intervals; nothing where the source has none */
async function replicate(
  stack: Stack,
  source: PostgresMajor,
  target: PostgresMajor,
  features: readonly VersionFeature[],
  events: EventServers,
): Promise<FeatureOutcome[]> {
  const servers = { source: stack.source.url(), target: stack.target.url(), ...events };
  await using pipeline = await createPipeline([monolithSql, ...features.map(({ sql }) => sql)].join(";\n"), { servers });
  // Nothing is wrong but that the tables are not there yet.
  expect(faults(await check(pipeline.configuration)).filter((what) => !what.includes("has no table"))).toEqual([]);
  await pipeline.up();
  expect(faults(await check(pipeline.configuration))).toEqual([]);
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await Promise.all([connector.working, applier.working]);
  const known = Math.min(source, target) >= infiniteIntervals.since ? (each: Transaction) => each : withoutInfiniteIntervals;
  for (const transaction of fc.sample(transactions, { seed: 20_261_121, numRuns: 60 })) await run(pipeline.source, known(transaction));
  for (const { load } of features) await pipeline.source.query(load);
  await caughtUp(pipeline, [connector, applier]);
  const ofFeatures = features.flatMap(({ tables }) => tables.filter((table) => !table.includes(".")));
  const tables = { ...monolithTables, ...Object.fromEntries(ofFeatures.map((table) => [table, "1"])) };
  const written = await stateOf(pipeline.source, tables);
  expect(ofFeatures.filter((table) => written[table]!.length === 0)).toEqual([]);
  expect(Object.values(written).flat().length).toBeGreaterThan(50);
  expect(await stateOf(pipeline.target, tables)).toEqual(written);
  await expectHealthy(pipeline);
  if (source < infiniteIntervals.since) return [];
  // Awaited here: what comes after this block stops the units.
  const outcome = await writeInfiniteIntervals(pipeline, connector, applier, target);
  return [outcome];
}

/** The last that the pipeline does: a target that does not know the value stops its applier. */
async function writeInfiniteIntervals(
  pipeline: Pipeline,
  connector: RunningUnit,
  applier: RunningUnit,
  target: PostgresMajor,
): Promise<FeatureOutcome> {
  await pipeline.source.query("INSERT INTO everything (c20) VALUES ('infinity'), ('-infinity')");
  if (target >= infiniteIntervals.since) {
    await caughtUp(pipeline, [connector, applier]);
    expect(await stateOf(pipeline.target, monolithTables)).toEqual(await stateOf(pipeline.source, monolithTables));
    return { feature: infiniteIntervals, word: "carried", why: "" };
  }
  const error = await applier.ended;
  expect(error?.message).toMatch(/invalid input syntax for type interval: "infinity"/);
  const warned = (await check(pipeline.configuration)).find(({ what }) => what.includes("public.everything may hold 'infinity'"));
  expect(warned?.level).toBe("warning");
  return {
    feature: infiniteIntervals,
    word: "stops",
    why: `the applier ends with ${error?.code} at the first such row; \`check\` warns of the column before`,
  };
}

function faults(findings: readonly Finding[]): string[] {
  return findings.filter(({ level }) => level === "fault").map(({ where, what }) => `${where}: ${what}`);
}

async function expectHealthy(pipeline: Pipeline): Promise<void> {
  const { object, exit } = await status(pipeline.configuration);
  expect(exit).toBe(0);
  expect(object.services).toMatchObject([{ errors: [], notCopied: [], slot: { active: true, word: "ok" }, lag: { apply: { events: 0 } } }]);
}

function withoutInfiniteIntervals({ writes, undone }: Transaction): Transaction {
  return { writes: finite(writes), undone: finite(undone) };
}

function finite(writes: Transaction["writes"]): Transaction["writes"] {
  return writes.filter(({ sql, values }) => !(/::interval\b/.test(sql) && values.includes("infinity")));
}
