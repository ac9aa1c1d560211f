/** Bad input: the services' databases. */
import { readFile } from "node:fs/promises";
import { afterAll, expect } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { runApplier } from "../../../services/apply/applier.ts";
import { check } from "../../../services/cli/check.ts";
import type { Finding } from "../../../services/cli/finding.ts";
import { up } from "../../../services/cli/up.ts";
import { type Configuration, parseConfiguration } from "../../../services/runtime/configuration.ts";
import type { OfftakeError } from "../../../services/runtime/errors.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { postgresOfVersion } from "../../support/answering-server.ts";
import { errorOf } from "../../support/error-of.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";
import { caughtUp, stateOf } from "../apply/same-texts.ts";
import { sessionProxy } from "../apply/session-proxy.ts";
import { asSuperuser } from "./as-superuser.ts";
import { type BadInputs, describeBadInput, sqlOf, told } from "./bad-input.ts";

const schema = "CREATE TABLE trades (id int8 PRIMARY KEY, note text, amount numeric, lots int8)";
const silent = { json: true, progress: () => {}, answer: () => {} };
/** For cases that change nothing. */
const untouched = await createPipeline(schema);
await untouched.up();
afterAll(async () => untouched[Symbol.asyncDispose]());

function withTarget({ configuration, targetUrl }: Pipeline, change: (url: URL) => void): Configuration {
  const [service] = configuration.services;
  const url = new URL(targetUrl);
  change(url);
  return { ...configuration, services: [{ ...service!, target: { ...service!.target, url: new Secret(url.href) } }] };
}

function applierOf(pipeline: Pipeline, configuration: Configuration): RunningUnit {
  const { connector, metrics } = pipeline;
  const service = configuration.services[0]!;
  return startUnit(async ({ log, working, interruption, signal }) =>
    runApplier({ configuration, service, connector: connector.name, log, metrics, applying: working, interruption }, signal),
  );
}

/** Faults and warnings of the target. */
async function findings(configuration: Configuration): Promise<Finding[]> {
  return (await check(configuration)).filter(({ level, where }) => level !== "note" && where.startsWith("service"));
}

/** Waits until both sides are the same, with everything that was committed before. */
async function same(pipeline: Pipeline, units: readonly RunningUnit[]): Promise<void> {
  await caughtUp(pipeline, units);
  const columns = { "(SELECT id, note, amount, lots FROM trades)": "id" };
  expect(await stateOf(pipeline.target, columns)).toEqual(await stateOf(pipeline.source, columns));
}

/**
 * The target's table is altered like this. `check` finds it; the applier stops before the second transaction, and has all three once the cure was run.
 *
 * @param level of the finding; undefined for what no catalog tells
 * @param insert the second transaction
 */
function stops(sql: string, insert: string, code: string, words: RegExp, level: "fault" | "warning" | undefined) {
  return {
    codes: [...(level === undefined ? [] : ["check"]), code],
    run: async (): Promise<string[]> => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      const { source, target } = pipeline;
      await target.query(sql);
      const found = await findings(pipeline.configuration);
      expect(found.map((each) => each.level)).toEqual(level === undefined ? [] : [level]);
      await using connector = pipeline.startConnector();
      await source.query("INSERT INTO trades VALUES (1, 'a', 1.50, 1)");
      await source.query(insert);
      await source.query("INSERT INTO trades VALUES (3, 'c', 3, 3)");
      const error: OfftakeError | undefined = await pipeline.startApplier().ended;
      const met = told(error, words, /ALTER TABLE|offtake up --create-tables/);
      if (code === "EVENT_NOT_APPLICABLE") {
        // Which row, where it stands, and that it is not half applied.
        expect(error?.message).toMatch(/the (create|update) of public\.trades \(id\)=\(2\), position [0-9A-F]+\/[0-9A-F]+:1, offset \d+/);
        expect((await target.query("SELECT id::int4 FROM trades")).rows).toEqual([{ id: 1 }]);
      }
      if (error?.cure.includes("offtake up --create-tables") === true) await pipeline.up();
      // A column that is missing is added with the type that `check` names: the applier knows none.
      else await asSuperuser(pipeline.targetUrl, sqlOf(error?.cure.includes("…") === true ? found[0]!.cure : (error?.cure ?? "")));
      await using applier = pipeline.startApplier();
      await same(pipeline, [connector, applier]);
      return [...(level === undefined ? [] : ["check"]), met];
    },
  };
}

/** A URL that is wrong: `check` and the applier say so, and never the password. */
function wrongUrl(change: (url: URL) => void, code: string, words: RegExp, cure: RegExp) {
  return {
    codes: [code],
    run: async (): Promise<string[]> => {
      const wrong = withTarget(untouched, change);
      const [found] = await findings(wrong);
      expect([found?.what, found?.cure]).toEqual([expect.stringMatching(words), expect.stringMatching(cure)]);
      const met = told(await applierOf(untouched, wrong).ended, words, cure);
      expect(found?.code).toBe(met);
      expect(JSON.stringify(found)).not.toContain(new URL(untouched.targetUrl).password);
      expect(await findings(untouched.configuration)).toEqual([]);
      return [met];
    },
  };
}

const cases: BadInputs = {
  "The target is away at the start, and again while everything runs": {
    codes: ["TARGET_UNREACHABLE"],
    held: "when its target was away at the start, and in the middle",
  },
  "Nobody listens on the port": wrongUrl((url) => (url.port = "1"), "TARGET_UNREACHABLE", /ECONNREFUSED/, /are host and port of the URL right/),
  "The password is wrong": wrongUrl(
    (url) => (url.password = "guessed"),
    "TARGET_REFUSED",
    /password authentication failed/,
    /Check user and password/,
  ),
  "The database does not exist": wrongUrl(
    (url) => (url.pathname = "/nope"),
    "TARGET_REFUSED",
    /database "nope" does not exist/,
    /database's name in the URL/,
  ),
  "The server is older than PostgreSQL 15": {
    codes: ["SERVER_TOO_OLD"],
    run: async () => {
      await using old = await postgresOfVersion("13.4");
      const found = await findings(withTarget(untouched, (url) => (url.port = String(old.port))));
      expect(found.map(({ what }) => what)).toEqual([expect.stringContaining("is PostgreSQL 13.4: Offtake needs 15 or later")]);
      return found.map(({ code }) => code ?? "check");
    },
  },
  "The role may not write": { codes: ["check"], held: "a role that may not write, or only some of it, or not put triggers to sleep" },
  "The role may not write, and an applier starts": {
    codes: ["TARGET_REFUSED"],
    run: async () => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      const role = `r_${pipeline.connector.name}`;
      await pipeline.target.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
      const configuration = withTarget(pipeline, (url) => ([url.username, url.password] = [role, "x"]));
      const met = told(await applierOf(pipeline, configuration).ended, /permission denied/, /offtake check/);
      for (const { cure } of await findings(configuration)) await asSuperuser(pipeline.targetUrl, sqlOf(cure));
      expect(await findings(configuration)).toEqual([]);
      await using connector = pipeline.startConnector();
      await using applier = applierOf(pipeline, configuration);
      await pipeline.source.query("INSERT INTO trades VALUES (1)");
      await same(pipeline, [connector, applier]);
      await applier.stop();
      await pipeline.target.query(`REVOKE ALL ON PARAMETER session_replication_role FROM ${role}; DROP OWNED BY ${role}; DROP ROLE ${role}`);
      return [met];
    },
  },
  "`offtake up` has not been run": {
    codes: ["TARGET_NOT_PREPARED"],
    run: async () => {
      await using pipeline = await createPipeline(schema);
      const met = told(await pipeline.startApplier().ended, /The target of trading has no schema offtake/, /Run `offtake up`/);
      await pipeline.up();
      await using connector = pipeline.startConnector();
      await using applier = pipeline.startApplier();
      await pipeline.source.query("INSERT INTO trades VALUES (1)");
      await same(pipeline, [connector, applier]);
      return [met];
    },
  },
  "The target was written from another topic": {
    codes: ["APPLIED_POSITION_FOREIGN"],
    run: async () => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      await using connector = pipeline.startConnector();
      await pipeline.source.query("INSERT INTO trades VALUES (1)");
      {
        await using applier = pipeline.startApplier();
        await caughtUp(pipeline, [connector, applier]);
      }
      const [service] = pipeline.configuration.services;
      const renamed = { ...pipeline.configuration, services: [{ ...service!, topic: untouched.service.topic }] };
      const met = told(await applierOf(pipeline, renamed).ended, /was written from the topic \S+\.trading, not \S+\.trading/, /kafka\.topicPrefix/);
      await pipeline.source.query("INSERT INTO trades VALUES (2)");
      await using applier = pipeline.startApplier();
      await same(pipeline, [connector, applier]);
      return [met];
    },
  },
  "A table is missing": stops(
    "DROP TABLE trades",
    "INSERT INTO trades VALUES (2, 'b', 2, 2)",
    "TARGET_TABLE_MISSING",
    /no table public\.trades/,
    "fault",
  ),
  "A column is missing": stops(
    "ALTER TABLE trades DROP COLUMN note",
    "INSERT INTO trades VALUES (2, 'b', 2, 2)",
    "TARGET_COLUMN_MISSING",
    /public\.trades has no column note/,
    "fault",
  ),
  "A value is too long": stops(
    "ALTER TABLE trades ALTER note TYPE varchar(5)",
    "INSERT INTO trades VALUES (2, 'longer than five', 2, 2)",
    "EVENT_NOT_APPLICABLE",
    /value too long for type character varying\(5\) \[22001\]; the column "note" is character varying\(5\)/,
    "warning",
  ),
  "A number has too many digits": stops(
    "ALTER TABLE trades ALTER amount TYPE numeric(4,2)",
    "INSERT INTO trades VALUES (2, 'b', 100, 2)",
    "EVENT_NOT_APPLICABLE",
    /numeric field overflow.* \[22003\]; the column "amount" is numeric\(4,2\)/,
    "warning",
  ),
  "A number is out of range": stops(
    "ALTER TABLE trades ALTER lots TYPE int2",
    "INSERT INTO trades VALUES (2, 'b', 2, 32768)",
    "EVENT_NOT_APPLICABLE",
    /out of range.* \[22003\]; the column "lots" is smallint/,
    "warning",
  ),
  "A column of the target must not be null": stops(
    "ALTER TABLE trades ALTER note SET NOT NULL",
    "INSERT INTO trades VALUES (2, NULL, 2, 2)",
    "EVENT_NOT_APPLICABLE",
    /null value in column "note".* \[23502\]/,
    undefined,
  ),
  "A constraint of the target refuses a row": stops(
    "ALTER TABLE trades ADD CONSTRAINT small CHECK (amount < 100)",
    "INSERT INTO trades VALUES (2, 'b', 100, 2)",
    "EVENT_NOT_APPLICABLE",
    /violates check constraint "small".* \[23514\]/,
    undefined,
  ),
  "The target is the monolith's own database, by another name": {
    codes: ["check", "TARGET_TABLE_UNSUITABLE"],
    run: async () => {
      await using proxy = await sessionProxy(untouched.sourceUrl);
      const wrong = withTarget(untouched, (url) => (url.href = proxy.url));
      const words = /monolith's own database, in which public\.trades goes to public\.trades/;
      const found = (await findings(wrong)).filter(({ level }) => level === "fault").map(({ what }) => what);
      expect(found).toContainEqual(expect.stringMatching(words));
      const refused = await errorOf(up(wrong, { createTables: true }, silent, new AbortController().signal));
      expect((await findings(untouched.configuration)).map(({ what }) => what)).toEqual([]);
      return ["check", told(refused, words, /a database of its own/)];
    },
  },
  "Two services have one target table": {
    codes: ["TABLES_UNRESOLVED", "TABLES_UNRESOLVED"],
    run: async () => {
      await using pipeline = await createPipeline(`${schema}; CREATE TABLE orders (id int8 PRIMARY KEY)`);
      const written = z.looseObject({}).parse(parse(await readFile(pipeline.file, "utf8")));
      const both = (target: string): Configuration => {
        const service = (tables: unknown): unknown => ({ target: { url: pipeline.targetUrl }, tables });
        const name = pipeline.connector.name;
        const connectors = Object.fromEntries(
          ["trading", "ordering"].map((each) => [each, { service: each, slot: `${name}_${each}`, publication: `${name}_${each}` }]),
        );
        const services = { trading: service(["trades"]), ordering: service({ orders: { target } }) };
        return parseConfiguration(stringify({ ...written, connectors, services }), pipeline.file, {});
      };
      const words =
        /public\.trades of services\.trading and the table public\.orders of services\.ordering both go to public\.trades of the database/;
      const found = (await check(both("trades"))).filter(({ code }) => code !== undefined);
      expect(found.map(({ what }) => what)).toEqual([expect.stringMatching(words)]);
      const refused = await errorOf(up(both("trades"), { createTables: true }, silent, new AbortController().signal));
      expect((await check(both("other"))).filter(({ code }) => code !== undefined)).toEqual([]);
      return [found[0]?.code ?? "check", told(refused, words, /Mend `tables`/)];
    },
  },
};

describeBadInput("Target", cases);
