import { Kafka, logLevel, ConfigResourceTypes } from "kafkajs";
import { afterEach, describe, expect, inject, test } from "vitest";
import { check } from "../../../services/cli/check.ts";
import type { Finding } from "../../../services/cli/finding.ts";
import type { Configuration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { uniqueName } from "../../support/databases.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { deleteTopic, testCluster } from "../../support/topics.ts";
import { released } from "../../connectors/postgres/published-pipeline.ts";
import { caughtUp } from "../apply/same-texts.ts";
import { asSuperuser } from "./as-superuser.ts";

const schema = "CREATE TABLE trades (id int8 PRIMARY KEY, note text); CREATE TABLE users (id int8 PRIMARY KEY, name text)";

/** Faults and warnings, without what a development installation is always told. */
function serious(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ level, what }) => level !== "note" && !what.startsWith("max_slot_wal_keep_size is unlimited"));
}

const roles: { url: string; role: string }[] = [];

afterEach(async () => {
  for (const { url, role } of roles.splice(0)) await asSuperuser(url, `DROP ROLE IF EXISTS ${role}`);
});

/** A URL for a new role of this database. */
async function roleOf(url: string, options = ""): Promise<{ role: string; url: string }> {
  const role = uniqueName("role");
  await asSuperuser(url, `CREATE ROLE ${role} LOGIN PASSWORD 'x' ${options}`);
  const server = new URL(url);
  server.pathname = "/postgres";
  roles.push({ url: server.href, role });
  const own = new URL(url);
  [own.username, own.password] = [role, "x"];
  return { role, url: own.href };
}

function withSource({ configuration }: Pipeline, url: string): Configuration {
  return { ...configuration, source: { ...configuration.source, url: new Secret(url) } };
}

function withTarget({ configuration }: Pipeline, url: string): Configuration {
  const [service] = configuration.services;
  return { ...configuration, services: [{ ...service!, target: { ...service!.target, url: new Secret(url) } }] };
}

/** Of servers that did not let themselves be looked at. */
async function codes(configuration: Configuration): Promise<string[]> {
  return serious(await check(configuration)).map(({ what }) => what.split(":")[0]!);
}

/**
 * Checks, cures the one thing that is wrong, and checks again.
 *
 * @param url whose SQL the cure is
 * @returns the finding
 */
async function cured(configuration: Configuration, url: string): Promise<Finding> {
  const findings = serious(await check(configuration));
  expect(findings.map(({ where, what }) => `${where}: ${what}`)).toHaveLength(1);
  await asSuperuser(url, findings[0]!.cure);
  expect(serious(await check(configuration))).toEqual([]);
  return findings[0]!;
}

describe("offtake check", () => {
  test("finds nothing wrong with what `up` has made, and notes before what it will make", async () => {
    await using pipeline = await createPipeline(schema);
    const before = await check(pipeline.configuration);
    expect(before.filter(({ level }) => level === "note").map(({ what }) => what)).toEqual([
      expect.stringMatching(/^the publication .* does not exist yet: `offtake up` creates it$/),
      expect.stringMatching(/^the slot .* does not exist yet: `offtake up` creates it$/),
      "it does not exist yet: `offtake up` creates it",
      "its target has no schema offtake yet: `offtake up` creates it",
    ]);
    expect(serious(before).map(({ what }) => what)).toEqual(["its target has no table public.trades", "its target has no table public.users"]);
    await pipeline.up();
    expect(serious(await check(pipeline.configuration))).toEqual([]);
  });

  test("tells what does not exist any more from what does not exist yet", async () => {
    await using pipeline = await createPipeline(schema);
    const { configuration, connector, service, source } = pipeline;
    await pipeline.up();
    {
      await using capturing = pipeline.startConnector();
      await using applier = pipeline.startApplier();
      await source.query("INSERT INTO users VALUES (1)");
      await caughtUp(pipeline, [capturing, applier]);
      await capturing.stop();
      await applier.stop();
    }
    await released(pipeline);
    await source.query("SELECT pg_drop_replication_slot($1)", [connector.slot]);
    await source.query(`DROP PUBLICATION ${connector.publication}`);
    const cluster = testCluster(configuration.kafka.brokers);
    await deleteTopic(cluster, service.topic);
    await cluster.close();
    const findings = serious(await check(configuration));
    expect(findings.map(({ level, what }) => `${level} ${what.split(":")[0]}`)).toEqual([
      `fault the publication ${connector.publication} does not exist any more`,
      `fault the slot ${connector.slot} does not exist any more, and events of it are applied`,
      "fault it does not exist any more, and events of it are applied",
    ]);
    expect(findings.map(({ cure }) => cure.split(":")[0])).toEqual(["offtake up", `offtake up --recover ${connector.name}`, "Starting over"]);
    // Which does not do where the topic is gone as well.
    await expect(pipeline.up({ createTables: false, recover: connector.name })).rejects.toMatchObject({
      code: "TOPIC_RECREATED",
      cure: expect.stringContaining("Starting over: "),
    });
  });

  test("changes nothing", async () => {
    await using pipeline = await createPipeline(schema);
    await check(pipeline.configuration);
    const { rows } = await pipeline.source.query(
      "SELECT (SELECT count(*)::int FROM pg_publication) AS p, (SELECT count(*)::int FROM pg_replication_slots WHERE slot_name = $1) AS s",
      [pipeline.connector.slot],
    );
    expect(rows).toEqual([{ p: 0, s: 0 }]);
    expect((await pipeline.target.query("SELECT to_regnamespace('offtake') AS schema")).rows).toEqual([{ schema: null }]);
  });

  describe("of the source", () => {
    test.each([
      ["unlogged", "ALTER TABLE users SET UNLOGGED", "is unlogged: its changes are not in the WAL"],
      ["REPLICA IDENTITY NOTHING", "ALTER TABLE users REPLICA IDENTITY NOTHING", "has REPLICA IDENTITY NOTHING"],
      ["without a key", "ALTER TABLE users DROP CONSTRAINT users_pkey", "has no primary key and no other identity"],
      [
        "without a key and REPLICA IDENTITY NOTHING",
        "ALTER TABLE users DROP CONSTRAINT users_pkey, REPLICA IDENTITY NOTHING",
        "has REPLICA IDENTITY NOTHING",
      ],
      [
        "with a key that is checked late",
        "ALTER TABLE users DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (id) DEFERRABLE",
        "has no primary key and no other identity",
      ],
      [
        "whose identity's index was dropped",
        "ALTER TABLE users ALTER name SET NOT NULL; CREATE UNIQUE INDEX names ON users (name); ALTER TABLE users REPLICA IDENTITY USING INDEX names; DROP INDEX names",
        "has lost the index of its REPLICA IDENTITY",
      ],
    ])("a table %s", async (_, sql, words) => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      // An unlogged table is not in the publication, and says so there.
      await pipeline.source.query(`ALTER PUBLICATION ${pipeline.connector.publication} DROP TABLE users; ${sql}`);
      const findings = serious(await check(pipeline.configuration)).filter(({ what }) => what.includes("the table public.users"));
      expect(findings.map(({ what }) => what)).toEqual([expect.stringContaining("does not hold"), expect.stringContaining(words)]);
      for (const finding of findings.toReversed()) await asSuperuser(pipeline.sourceUrl, finding.cure);
      expect(serious(await check(pipeline.configuration)).filter(({ level }) => level === "fault")).toEqual([]);
    });

    test("a role that may not replicate, publish or read", async () => {
      await using pipeline = await createPipeline(`CREATE SCHEMA audit; CREATE TABLE audit.lines (id int8 PRIMARY KEY); ${schema}`, {
        tables: ["*", "audit.*"],
      });
      await pipeline.target.query(`CREATE SCHEMA audit; CREATE TABLE audit.lines (id int8 PRIMARY KEY); ${schema}`);
      const { role, url } = await roleOf(pipeline.sourceUrl);
      const configuration = withSource(pipeline, url);
      const findings = serious(await check(configuration));
      expect(findings.map(({ what }) => what)).toEqual([
        `the role ${role} may not replicate`,
        expect.stringContaining(`the role ${role} does not see what other sessions do`),
        expect.stringContaining("does not exist, and the role may not create it"),
        `the role ${role} may not read the table audit.lines`,
        `the role ${role} may not read the table public.trades`,
        `the role ${role} may not read the table public.users`,
      ]);
      for (const finding of findings) await asSuperuser(pipeline.sourceUrl, finding.cure);
      expect(serious(await check(configuration))).toEqual([]);
      await asSuperuser(pipeline.sourceUrl, `DROP OWNED BY ${role}`);
    });

    test("a table that can be followed and not be copied", async () => {
      await using pipeline = await createPipeline(
        "CREATE TABLE whole (id int8); ALTER TABLE whole REPLICA IDENTITY FULL; CREATE TABLE t (id int8 PRIMARY KEY)",
      );
      await pipeline.up();
      const notes = async (): Promise<Finding[]> => (await check(pipeline.configuration)).filter(({ what }) => what.includes("cannot be copied"));
      expect(await notes()).toEqual([
        {
          level: "note",
          where: `connector ${pipeline.connector.name}`,
          what: "The table public.whole cannot be copied: it has no key to walk it by.",
          cure: expect.stringContaining("Give it a primary key"),
        },
      ]);
      await pipeline.source.query("ALTER TABLE whole ADD PRIMARY KEY (id)");
      expect(await notes()).toEqual([]);
    });

    test("a slot of another database, or of another plugin", async () => {
      await using pipeline = await createPipeline(schema);
      await using other = await createPipeline(schema);
      await pipeline.up();
      const slot = other.connector.slot;
      await other.source.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
      const configuration = { ...pipeline.configuration, connectors: [{ ...pipeline.connector, slot }] };
      expect(serious(await check(configuration))).toEqual([
        expect.objectContaining({ level: "fault", what: expect.stringContaining(`is for pgoutput in the database ${other.connector.name}`) }),
      ]);
      await other.source.query("SELECT pg_drop_replication_slot($1)", [slot]);
      await other.source.query("SELECT pg_create_physical_replication_slot($1)", [slot]);
      expect(serious(await check(configuration)).map(({ what }) => what)).toEqual([expect.stringContaining("is for physical replication")]);
      await other.source.query("SELECT pg_drop_replication_slot($1)", [slot]);
    });

    test("tables that the configuration names and the source does not have", async () => {
      await using pipeline = await createPipeline(schema, { tables: ["trades", "usres"] });
      expect(serious(await check(pipeline.configuration))[0]).toMatchObject({
        level: "fault",
        what: expect.stringMatching(/^TABLES_UNRESOLVED: .*did you mean `users`/s),
      });
    });
  });

  describe("of the target", () => {
    test.each([
      ["lacks a column", "ALTER TABLE users DROP COLUMN name", "the target's table public.users has no column name"],
      [
        "has a column of another type",
        "ALTER TABLE users ALTER name TYPE varchar(5)",
        "the column name of public.users is character varying(5), at the source text",
      ],
      ["has no key", "ALTER TABLE users DROP CONSTRAINT users_pkey", "has no unique index on id"],
      [
        "has a key that is checked late",
        "ALTER TABLE users DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (id) DEFERRABLE",
        "has no unique index on id",
      ],
      [
        "has a unique constraint of its own",
        "ALTER TABLE users ADD UNIQUE (name)",
        "the unique constraint users_name_key, which the source's has not",
      ],
      ["has a unique index of its own", "CREATE UNIQUE INDEX own ON users (name)", "the unique index own, which the source's has not"],
      ["is unlogged", "ALTER TABLE users SET UNLOGGED", "the target's table public.users is unlogged"],
      [
        "generates the key",
        "ALTER TABLE users DROP COLUMN id; ALTER TABLE users ADD COLUMN id int8 GENERATED ALWAYS AS (1) STORED PRIMARY KEY",
        "generates the column id of the key",
      ],
    ])("a table that %s", async (_, sql, words) => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      await pipeline.target.query(sql);
      expect((await cured(pipeline.configuration, pipeline.targetUrl)).what).toContain(words);
    });

    test("a table that is referred to and counts by itself, for a role that may not put foreign keys to sleep", async () => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      await pipeline.target.query("ALTER TABLE users ALTER id ADD GENERATED ALWAYS AS IDENTITY; CREATE TABLE of_users (id int8 REFERENCES users)");
      expect(serious(await check(pipeline.configuration))).toEqual([]);
      const { role, url } = await roleOf(pipeline.targetUrl);
      await asSuperuser(pipeline.targetUrl, `GRANT ALL ON trades, users TO ${role}`);
      const findings = serious(await check(withTarget(pipeline, url))).filter(({ what }) => what.includes("GENERATED ALWAYS"));
      expect(findings.map(({ level, what }) => [level, what])).toEqual([["warning", expect.stringContaining("the column id of public.users")]]);
      await asSuperuser(pipeline.targetUrl, findings[0]!.cure);
      expect(serious(await check(withTarget(pipeline, url))).filter(({ what }) => what.includes("GENERATED ALWAYS"))).toEqual([]);
      await asSuperuser(pipeline.targetUrl, `DROP OWNED BY ${role}`);
    });

    test("a deferrable primary key beside REPLICA IDENTITY FULL is none, and --create-tables makes the same", async () => {
      await using pipeline = await createPipeline("CREATE TABLE t (id int8 PRIMARY KEY DEFERRABLE, v text); ALTER TABLE t REPLICA IDENTITY FULL");
      await pipeline.up();
      expect(serious(await check(pipeline.configuration))).toEqual([]);
      const { rows } = await pipeline.target.query(
        "SELECT conname, condeferrable FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p'",
      );
      expect(rows).toEqual([{ conname: "t_pkey", condeferrable: true }]);
    });

    test("a value that is checked at once, and at the source late; those that the source answers for are none", async () => {
      await using pipeline = await createPipeline(`
        CREATE TABLE t (id int8 PRIMARY KEY, late int4 UNIQUE DEFERRABLE, a int4 UNIQUE, b int4);
        CREATE TABLE later (id int8 PRIMARY KEY, late int4 UNIQUE DEFERRABLE)`);
      await pipeline.up();
      await pipeline.target.query(`
        ALTER TABLE t ADD UNIQUE (a, b), ADD UNIQUE (id, b), ADD own int4 UNIQUE, ADD UNIQUE (b) DEFERRABLE;
        CREATE UNIQUE INDEX ON t ((b + 1)); CREATE UNIQUE INDEX ON t (b) WHERE b > 0`);
      expect(serious(await check(pipeline.configuration))).toEqual([]);
      await pipeline.target.query("ALTER TABLE t DROP CONSTRAINT t_late_key, ADD UNIQUE (late)");
      const words = "the target's table public.t has the unique constraint t_late_key, which is checked at once, and the source's late";
      expect((await cured(pipeline.configuration, pipeline.targetUrl)).what).toContain(words);
      await pipeline.target.query("ALTER TABLE later DROP CONSTRAINT later_late_key; CREATE UNIQUE INDEX at_once ON later (late)");
      expect((await cured(pipeline.configuration, pipeline.targetUrl)).what).toContain("the unique index at_once, which is checked at once");
    });

    test("a column of an enum that is missing is added with its type", async () => {
      await using pipeline = await createPipeline("CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int4 PRIMARY KEY, m mood, n numeric(6,2)[])");
      await pipeline.up();
      await pipeline.target.query("ALTER TABLE t DROP COLUMN m, DROP COLUMN n");
      const findings = serious(await check(pipeline.configuration));
      for (const finding of findings) await asSuperuser(pipeline.targetUrl, finding.cure);
      expect([findings.length, serious(await check(pipeline.configuration))]).toEqual([2, []]);
    });

    test("a column that is missing is added with what older rows have in it, or said to need it", async () => {
      await using pipeline = await createPipeline("CREATE TABLE t (id int4 PRIMARY KEY); INSERT INTO t VALUES (1)");
      await pipeline.up();
      await pipeline.target.query("INSERT INTO t VALUES (1)");
      await pipeline.source.query(
        `ALTER TABLE t ADD COLUMN currency char(3) NOT NULL DEFAULT 'CHF', ADD COLUMN note text[] DEFAULT '{"it''s","\\\\"}', ADD COLUMN plain text;
         ALTER TABLE t ALTER COLUMN currency SET DEFAULT 'EUR'`,
      );
      // The row from before `up` is marked as not copied, which is a warning of its own.
      const faults = async (): Promise<Finding[]> => (await check(pipeline.configuration)).filter(({ level }) => level === "fault");
      const findings = await faults();
      expect(findings.map(({ what }) => what)).toEqual([
        expect.stringMatching(/has no column currency; at the source older rows have the default/),
        expect.stringMatching(/has no column note; at the source older rows have the default/),
        "the target's table public.t has no column plain",
      ]);
      for (const finding of findings) await asSuperuser(pipeline.targetUrl, finding.cure);
      const text = "SELECT id, currency, note, plain FROM t";
      expect((await pipeline.target.query(text)).rows).toEqual((await pipeline.source.query(text)).rows);
      expect(await faults()).toEqual([]);
      // One that is written into every row has no such default that could be looked up.
      await pipeline.source.query("ALTER TABLE t ADD COLUMN at timestamptz DEFAULT clock_timestamp()");
      expect((await faults()).map(({ what }) => what)).toEqual([
        "the target's table public.t has no column at; rows that are at the target already get NULL in it, and need their values of the source",
      ]);
    });

    test("a role that may not create the tables that are missing", async () => {
      await using pipeline = await createPipeline(schema);
      const { role, url } = await roleOf(pipeline.targetUrl);
      await asSuperuser(
        pipeline.targetUrl,
        `GRANT CREATE ON DATABASE ${new URL(pipeline.targetUrl).pathname.slice(1)} TO ${role}; GRANT SET ON PARAMETER session_replication_role TO ${role}`,
      );
      const [finding, ...missing] = serious(await check(withTarget(pipeline, url)));
      expect(finding).toMatchObject({ what: `the role ${role} may not create tables in the target's schema public` });
      expect(missing.map(({ cure }) => cure)).toEqual(["offtake up --create-tables", "offtake up --create-tables"]);
      await asSuperuser(pipeline.targetUrl, finding!.cure);
      expect(serious(await check(withTarget(pipeline, url)))).toEqual(missing);
      await asSuperuser(pipeline.targetUrl, `DROP OWNED BY ${role}; REVOKE ALL ON PARAMETER session_replication_role FROM ${role}`);
    });

    test("a role that may not write, or only some of it, or not put triggers to sleep", async () => {
      await using pipeline = await createPipeline(schema);
      await pipeline.up();
      const { role, url } = await roleOf(pipeline.targetUrl);
      const configuration = withTarget(pipeline, url);
      await asSuperuser(pipeline.targetUrl, `GRANT SELECT, INSERT, UPDATE, DELETE ON users TO ${role}`);
      const findings = serious(await check(configuration));
      expect(findings.map(({ level, what }) => `${level} ${what}`)).toEqual([
        expect.stringContaining("warning triggers and foreign keys of the target stay awake"),
        `fault the role ${role} may not use the schema offtake, which holds the applied position`,
        `fault the role ${role} may not write the target's table public.trades`,
        `fault the role ${role} may not write the target's table public.users`,
      ]);
      expect(findings[3]!.cure).toBe(`GRANT TRUNCATE ON "public"."users" TO "${role}";`);
      for (const finding of findings) await asSuperuser(pipeline.targetUrl, finding.cure);
      expect(serious(await check(configuration))).toEqual([]);
      await asSuperuser(pipeline.targetUrl, `DROP OWNED BY ${role}; REVOKE ALL ON PARAMETER session_replication_role FROM ${role}`);
    });

    test("a role that may not make the schema offtake", async () => {
      await using pipeline = await createPipeline(schema);
      const { role, url } = await roleOf(pipeline.targetUrl);
      await asSuperuser(
        pipeline.targetUrl,
        `${schema}; GRANT ALL ON trades, users TO ${role}; GRANT SET ON PARAMETER session_replication_role TO ${role}`,
      );
      expect((await cured(withTarget(pipeline, url), pipeline.targetUrl)).what).toBe(`the role ${role} may not create the schema offtake`);
      await asSuperuser(pipeline.targetUrl, `DROP OWNED BY ${role}; REVOKE ALL ON PARAMETER session_replication_role FROM ${role}`);
    });
  });

  test("of a topic: each setting that would lose events", async () => {
    await using pipeline = await createPipeline(schema, { maxEvent: "1MiB" });
    await pipeline.up();
    const admin = new Kafka({ brokers: inject("kafka"), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const set = async (entries: Record<string, string>): Promise<void> => {
      await admin.alterConfigs({
        validateOnly: false,
        resources: [
          {
            type: ConfigResourceTypes.TOPIC,
            name: pipeline.service.topic,
            configEntries: Object.entries(entries).map(([name, value]) => ({ name, value })),
          },
        ],
      });
    };
    await set({ "cleanup.policy": "compact", "max.message.bytes": "1000", "unclean.leader.election.enable": "true" });
    const findings = serious(await check(pipeline.configuration));
    expect(findings.map(({ where, what }) => `${where}: ${what}`)).toEqual([
      `topic ${pipeline.service.topic}: it has cleanup.policy=compact, which takes transactions out of it`,
      expect.stringMatching(/: it takes batches of 1000 bytes, and kafka\.maxEvent \(1048576\) needs \d+$/),
      `topic ${pipeline.service.topic}: it may elect a leader that lacks acknowledged events (unclean.leader.election.enable)`,
    ]);
    // What kafka-configs --add-config would set.
    await set(Object.fromEntries(findings.map((finding) => /--add-config ([^=]+)=(\S+)/.exec(finding.cure)!.slice(1, 3))));
    expect(serious(await check(pipeline.configuration))).toEqual([]);
    await admin.disconnect();
  });

  test("a server that cannot be reached is a finding, and the others are looked at all the same", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    const { configuration } = pipeline;
    const nowhere = "postgres://nobody:hidden@127.0.0.1:1/none";
    expect(await codes(withSource(pipeline, nowhere))).toEqual(["SOURCE_UNREACHABLE"]);
    expect(await codes(withTarget(pipeline, nowhere))).toEqual(["TARGET_UNREACHABLE"]);
    expect(await codes({ ...configuration, registry: { url: new Secret("http://127.0.0.1:1/") } })).toEqual(["REGISTRY_UNREACHABLE"]);
    expect(await codes({ ...configuration, kafka: { ...configuration.kafka, brokers: ["127.0.0.1:1"] } })).toEqual(["KAFKA_UNREACHABLE"]);
    expect(JSON.stringify(await check(withTarget(pipeline, nowhere)))).not.toContain("hidden");
  });
});
