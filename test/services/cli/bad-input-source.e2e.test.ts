/** Bad input: the monolith, its publication and its slot. */
import { afterAll, expect, inject } from "vitest";
import { startStack } from "../../../infra/local/stack.ts";
import { runConnector } from "../../../connectors/postgres/connector.ts";
import { check } from "../../../services/cli/check.ts";
import type { Finding } from "../../../services/cli/finding.ts";
import type { Configuration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { postgresOfVersion } from "../../support/answering-server.ts";
import { errorOf } from "../../support/error-of.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { running } from "../../support/running-all.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp } from "../apply/same-texts.ts";
import { sessionProxy } from "../apply/session-proxy.ts";
import { asSuperuser } from "./as-superuser.ts";
import { type BadInputs, describeBadInput, sqlOf, told } from "./bad-input.ts";

// A monolith of this file's own, whose settings are the matter.
const own = await startStack({ backend: "local", servers: ["source"], progress: () => {} });
const schema = "CREATE TABLE trades (id int8 PRIMARY KEY, note text)";
/** For cases that change nothing. */
const untouched = await createPipeline(schema);
afterAll(async () => {
  await untouched[Symbol.asyncDispose]();
  await own.stop();
});

async function ownPipeline(): Promise<Pipeline> {
  const servers = { source: own.source.url(), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  return createPipeline(schema, { servers });
}

async function restartOwn(): Promise<void> {
  await own.source.stop("fast");
  await own.source.start();
}

function withSource({ configuration }: Pipeline, url: string): Configuration {
  return { ...configuration, source: { ...configuration.source, url: new Secret(url) } };
}

function changedUrl(url: string, change: (url: URL) => void): string {
  const changed = new URL(url);
  change(changed);
  return changed.href;
}

function connectorOf(pipeline: Pipeline, configuration: Configuration): RunningUnit {
  const { connector, service, metrics } = pipeline;
  return startUnit(async ({ log, working, interruption, signal }) =>
    runConnector({ configuration, connector, service, log, metrics, capturing: working, interruption }, signal),
  );
}

/** Faults of the monolith and of the connector. */
async function faults(configuration: Configuration): Promise<Finding[]> {
  return (await check(configuration)).filter(({ level, where }) => level === "fault" && /^(source|connector)/.test(where));
}

/** Commits a row and waits until it is at the target, with everything before it. */
async function works(pipeline: Pipeline): Promise<void> {
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await pipeline.source.query("INSERT INTO trades VALUES (901, 'new')");
  await caughtUp(pipeline, [connector, applier]);
  const count = "SELECT count(*)::int AS n FROM trades";
  expect((await pipeline.target.query(count)).rows).toEqual((await pipeline.source.query(count)).rows);
}

/**
 * The monolith runs with this setting until the cure that `check` has for it is run and the server is restarted.
 *
 * @param words what `check` finds
 * @param refused what `up` says
 */
function setting(name: string, value: string, codes: readonly string[], words: string, refused: RegExp) {
  return {
    codes: ["check", ...codes],
    run: async (): Promise<string[]> => {
      await asSuperuser(own.source.url(), `ALTER SYSTEM SET ${name} = ${value}`);
      await restartOwn();
      const met: string[] = [];
      let cure = "";
      {
        await using pipeline = await ownPipeline();
        const found = await faults(pipeline.configuration);
        expect(found.map(({ what }) => what)).toEqual([words]);
        cure = found[0]!.cure;
        met.push("check", told(await errorOf(pipeline.up()), refused, /wal_level|max_wal_senders|max_replication_slots/));
      }
      await asSuperuser(own.source.url(), sqlOf(cure));
      await restartOwn();
      await using mended = await ownPipeline();
      expect(await faults(mended.configuration)).toEqual([]);
      await mended.up();
      await works(mended);
      return met;
    },
  };
}

/** The publication is altered while its connector is away; what the error says is run, and what was committed meanwhile arrives. */
function publication(sql: string, words: RegExp) {
  return {
    codes: ["check", "PUBLICATION_DIFFERS"],
    run: async (): Promise<string[]> => {
      await using pipeline = await createPipeline(`${schema}; CREATE TABLE users (id int8 PRIMARY KEY, name text)`);
      await pipeline.up();
      const { source, connector } = pipeline;
      await source.query(`ALTER PUBLICATION ${connector.publication} ${sql}`);
      await source.query("INSERT INTO trades VALUES (1, 'meanwhile')");
      const found = await faults(pipeline.configuration);
      expect(found.map(({ what }) => what)).toEqual([expect.stringMatching(words)]);
      const refused = await pipeline.startConnector().ended;
      const code = told(refused, words, /^(ALTER|BEGIN)/);
      expect(refused?.cure).toBe(found[0]!.cure);
      await asSuperuser(pipeline.sourceUrl, sqlOf(found[0]!.cure));
      expect(await faults(pipeline.configuration)).toEqual([]);
      await works(pipeline);
      return ["check", code];
    },
  };
}

/** A URL that is wrong: `check` and the connector say so, and both work with the right one. */
function wrongUrl(change: (url: URL) => void, code: string, words: RegExp, cure: RegExp) {
  return {
    codes: [code],
    run: async (): Promise<string[]> => {
      const pipeline = untouched;
      const wrong = withSource(pipeline, changedUrl(pipeline.sourceUrl, change));
      const [found] = await faults(wrong);
      expect([found?.what, found?.cure]).toEqual([expect.stringMatching(words), expect.stringMatching(cure)]);
      const refused = await connectorOf(pipeline, wrong).ended;
      const met = told(refused, words, cure);
      expect(found?.code).toBe(met);
      const passwords = [pipeline.sourceUrl, wrong.source.url.reveal()].map((each) => new URL(each).password).filter((each) => each !== "");
      for (const password of passwords) expect(`${JSON.stringify(found)} ${refused?.line}`).not.toContain(password);
      expect(await faults(pipeline.configuration)).toEqual([]);
      return [met];
    },
  };
}

const cases: BadInputs = {
  "`wal_level` is not logical": setting(
    "wal_level",
    "replica",
    ["SOURCE_UNSUITABLE"],
    "wal_level is replica, which leaves out what logical decoding needs",
    /logical decoding requires "?wal_level"? >= "?logical"?/,
  ),
  "No replication slot is left": setting(
    "max_replication_slots",
    "0",
    ["SOURCE_UNSUITABLE"],
    "1 slots are needed and 0 of max_replication_slots = 0 are free",
    /max_replication_slots/,
  ),
  "No WAL sender is left": setting(
    "max_wal_senders",
    "0",
    ["SOURCE_UNREACHABLE"],
    "1 WAL senders are needed and 0 of max_wal_senders = 0 are free",
    /max_wal_senders/,
  ),
  "`max_slot_wal_keep_size` is less than `source.maxRetainedWal`": {
    codes: ["check"],
    run: async () => {
      await asSuperuser(own.source.url(), "ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'; SELECT pg_reload_conf()");
      await using pipeline = await ownPipeline();
      const found = (): Promise<Finding[]> => check(pipeline.configuration).then((all) => all.filter(({ level }) => level === "warning"));
      const [warning] = await waitFor(async () => (await found()).length === 1 && found(), { what: "the setting to hold" });
      expect(warning!.what).toContain("max_slot_wal_keep_size (64 MB) is less than source.maxRetainedWal: a slot is lost before its alarm");
      await asSuperuser(pipeline.sourceUrl, sqlOf(warning!.cure));
      await waitFor(async () => (await found()).length === 0, { what: "nothing to be found" });
      return ["check"];
    },
  },
  "The server is older than PostgreSQL 15": {
    codes: ["SERVER_TOO_OLD"],
    run: async () => {
      await using old = await postgresOfVersion("14.23 (Debian 14.23-1)");
      const found = await faults(withSource(untouched, `postgres://me@127.0.0.1:${old.port}/shop`));
      expect(found.map(({ what }) => what)).toEqual([expect.stringContaining("is PostgreSQL 14.23 (Debian 14.23-1): Offtake needs 15 or later")]);
      expect(found[0]!.cure).toContain("Upgrade it to PostgreSQL 15 or later");
      return found.map(({ code }) => code ?? "check");
    },
  },
  "The source is away at the start, and again while everything runs": {
    codes: ["SOURCE_UNREACHABLE", "SOURCE_UNREACHABLE"],
    run: async () => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      await using proxy = await sessionProxy(pipeline.sourceUrl);
      const met: string[] = [];
      const unit = `connector ${pipeline.connector.name}`;
      proxy.refuse();
      await using all = await running(withSource(pipeline, proxy.url));
      for (const id of [1, 2]) {
        await pipeline.source.query("INSERT INTO trades VALUES ($1)", [id]);
        const reason = await waitFor(async () => /^(\w+_\w+): .*/.exec((await all.readyz()).reasons[unit] ?? ""), { what: "/readyz to say why" });
        expect(reason[0]).toMatch(/cannot be reached|the server closed the replication connection|ended the session/);
        met.push(reason[1]!);
        proxy.accept();
        await waitFor(async () => (await pipeline.target.query("SELECT FROM trades WHERE id = $1", [id])).rowCount === 1, {
          what: "what was committed meanwhile",
        });
        await waitFor(async () => (await all.readyz()).status === 200, { what: "it to be ready" });
        if (id === 1) proxy.refuse();
      }
      expect(await all.stop()).toBe(true);
      return met;
    },
  },
  "The host is not known": wrongUrl(
    (each) => (each.hostname = "monolith.invalid"),
    "SOURCE_UNREACHABLE",
    /ENOTFOUND|EAI_AGAIN/,
    /check its name in the URL/,
  ),
  "Nobody listens on the port": wrongUrl((each) => (each.port = "1"), "SOURCE_UNREACHABLE", /ECONNREFUSED/, /are host and port of the URL right/),
  "The URL asks for TLS, and the server has none": wrongUrl(
    (each) => each.searchParams.set("sslmode", "require"),
    "SOURCE_REFUSED",
    /asks for TLS, and the server has none/,
    /Take sslmode out of the URL, or .*ssl = on/,
  ),
  "The database does not exist": wrongUrl(
    (each) => (each.pathname = "/nope"),
    "SOURCE_REFUSED",
    /database "nope" does not exist/,
    /database's name in the URL/,
  ),
  "The URL has no password": wrongUrl(
    (each) => (each.password = ""),
    "SOURCE_REFUSED",
    /asks for a password, and the URL has none/,
    /user:password@/,
  ),
  "The password is wrong": wrongUrl(
    (each) => (each.password = "guessed"),
    "SOURCE_REFUSED",
    /password authentication failed/,
    /Check user and password/,
  ),
  "The role may not replicate, publish or read": { codes: ["check"], held: "a role that may not replicate, publish or read" },
  "The role may not replicate, and a connector starts": {
    codes: ["SOURCE_REFUSED"],
    run: async () => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      const role = `r_${pipeline.connector.name}`;
      await pipeline.source.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT SELECT ON trades TO ${role}`);
      const configuration = withSource(
        pipeline,
        changedUrl(pipeline.sourceUrl, (each) => ([each.username, each.password] = [role, "x"])),
      );
      const code = told(await connectorOf(pipeline, configuration).ended, /permission denied to start WAL sender/, /offtake check/);
      for (const { cure } of await faults(configuration)) await asSuperuser(pipeline.sourceUrl, sqlOf(cure));
      await using connector = connectorOf(pipeline, configuration);
      await connector.working;
      await connector.stop();
      await pipeline.source.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      return [code];
    },
  },
  "The publication is missing": {
    codes: ["PUBLICATION_MISSING"],
    run: async () => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      const { source, connector } = pipeline;
      await source.query(`DROP PUBLICATION ${connector.publication}`);
      const code = told(await pipeline.startConnector().ended, new RegExp(`The publication ${connector.publication} does not exist`), /offtake up/);
      expect(await pipeline.up()).toMatchObject({ publication: "created" });
      await works(pipeline);
      return [code];
    },
  },
  "The publication is without a table": publication("DROP TABLE users", /does not hold the table public\.users/),
  "The publication is without a kind of change": publication("SET (publish = 'insert, update, truncate')", /does not publish delete/),
  "The publication is without a column": publication("SET TABLE trades, users (id)", /leaves out the columns name of public\.users/),
  "The publication is without some rows": publication(
    "SET TABLE trades, users WHERE (id > 5)",
    /leaves out rows of public\.users \(WHERE \(id > 5\)\)/,
  ),
  "A table has neither key nor identity": {
    codes: ["check", "TABLE_UNSUITABLE"],
    run: async () => {
      await using pipeline = await createPipeline("CREATE TABLE trades (id int8, note text)");
      const [found] = await faults(pipeline.configuration);
      expect(found?.what).toContain("the table public.trades has no primary key and no other identity");
      const code = told(await errorOf(pipeline.up()), /public\.trades has no primary key/, /REPLICA IDENTITY FULL/);
      await asSuperuser(pipeline.sourceUrl, sqlOf(found!.cure));
      await pipeline.up();
      await works(pipeline);
      return ["check", code];
    },
  },
  "The slot is read by somebody else": {
    codes: ["SLOT_IN_USE"],
    run: async () => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      await using first = pipeline.startConnector();
      await first.working;
      await pipeline.source.query("INSERT INTO trades VALUES (1)");
      const code = told(await pipeline.startConnector().ended, /active for PID \d+/, /./);
      await first.stop();
      await works(pipeline);
      return [code];
    },
  },
  "The slot's WAL is gone (`max_slot_wal_keep_size`)": {
    codes: ["SLOT_LOST", "check"],
    run: async () => {
      await asSuperuser(own.source.url(), "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'; SELECT pg_reload_conf()");
      await using pipeline = await ownPipeline();
      const { source, connector } = pipeline;
      await pipeline.up();
      const lost = async (): Promise<boolean> => {
        await source.query("INSERT INTO trades VALUES (1) ON CONFLICT (id) DO UPDATE SET note = 'x'");
        await source.query("SELECT pg_switch_wal()");
        await source.query("CHECKPOINT");
        const { rows } = await source.query<{ status: string }>("SELECT wal_status AS status FROM pg_replication_slots WHERE slot_name = $1", [
          connector.slot,
        ]);
        return rows[0]?.status === "lost";
      };
      await waitFor(lost, { what: "the server to give the slot up" });
      const code = told(await pipeline.startConnector().ended, new RegExp(`The slot ${connector.slot} can no longer be read`), /copied again/);
      const found = await faults(pipeline.configuration);
      expect(found.map(({ what, cure }) => `${what} ${cure}`)).toEqual([
        expect.stringMatching(/WAL that the slot needed is gone.*Raise max_slot_wal_keep_size, then: offtake up --recover /),
      ]);
      await asSuperuser(own.source.url(), "ALTER SYSTEM RESET max_slot_wal_keep_size; SELECT pg_reload_conf()");
      return [code, "check"];
    },
  },
};

describeBadInput("Source", cases);
