/** Roles with the rights that docs/security.md gives them: every command works under them, and `check` names each right that is taken away, with what gives it back. */
import { readFileSync } from "node:fs";
import pg, { type Client } from "pg";
import { afterAll, describe, expect, inject, test } from "vitest";
import { check } from "../../services/cli/check.ts";
import type { Finding } from "../../services/cli/finding.ts";
import type { Configuration } from "../../services/runtime/configuration.ts";
import { Secret } from "../../services/runtime/secret.ts";
import { asSuperuser } from "../services/cli/as-superuser.ts";
import { uniqueName } from "../support/databases.ts";
import { createPipeline } from "../support/pipeline.ts";
import { everyCommand } from "./every-command.ts";

type Place = "source" | "target" | "control";

const page = readFileSync(new URL("../../docs/security.md", import.meta.url), "utf8");

const tables = "CREATE TABLE trades (id int8 PRIMARY KEY, note text); CREATE TABLE salaries (id int8 PRIMARY KEY, note text)";
const pipeline = await createPipeline(`${tables}; INSERT INTO trades VALUES (1, 'before')`, {
  servers: { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") },
  tables: { trades: { poison: "park" } },
});
await pipeline.target.query(tables);
const superusers = { source: pipeline.sourceUrl, target: pipeline.targetUrl, control: pipeline.controlUrl };
const roles = { source: uniqueName("source"), target: uniqueName("target"), control: uniqueName("control") };
const password = uniqueName("password");

/** The statements of the page, for the databases and roles of this test. */
function documented(place: Place): string {
  const sql = new RegExp(`^\`\`\`sql ${place}\n(.*?)^\`\`\``, "ms").exec(page)?.[1];
  if (sql === undefined) throw new Error(`docs/security.md has no block of SQL for ${place}`);
  const here: Readonly<Record<string, string>> = {
    shop: new URL(superusers.source).pathname.slice(1),
    trading: new URL(superusers.target).pathname.slice(1),
    offtake_state: new URL(superusers.control).pathname.slice(1),
    trading_pub: pipeline.connector.publication,
    offtake_source: roles.source,
    offtake_target: roles.target,
    offtake_control: roles.control,
    "change me": password,
  };
  return sql.replaceAll(/\b(shop|trading|trading_pub|offtake_\w+|change me)\b/g, (name) => here[name] ?? name);
}

const places: readonly Place[] = ["source", "target", "control"];
for (const place of places) await asSuperuser(superusers[place], documented(place));
// Those that everybody has unless somebody takes them.
for (const place of places)
  await asSuperuser(superusers[place], `REVOKE CONNECT, TEMPORARY ON DATABASE ${new URL(superusers[place]).pathname.slice(1)} FROM PUBLIC`);

afterAll(async () => {
  for (const place of places) await asSuperuser(superusers[place], `DROP OWNED BY ${roles[place]} CASCADE; DROP ROLE ${roles[place]}`);
  await pipeline[Symbol.asyncDispose]();
});

function as(place: Place): Secret {
  const url = new URL(superusers[place]);
  [url.username, url.password] = [roles[place], password];
  return new Secret(url.href);
}

function configured(): Configuration {
  const { configuration, service } = pipeline;
  return {
    ...configuration,
    source: { ...configuration.source, url: as("source") },
    control: { url: as("control") },
    services: [{ ...service, target: { ...service.target, url: as("target") } }],
  };
}

async function clientOf(place: Place): Promise<Client> {
  const client = new pg.Client(as(place).reveal());
  await client.connect();
  return client;
}

async function serious(): Promise<Finding[]> {
  const findings = await check(configured());
  return findings.filter(({ level, what }) => level !== "note" && !what.startsWith("max_slot_wal_keep_size is unlimited"));
}

test("before `up`, `check` has nothing to ask for", async () => {
  expect(await serious()).toEqual([]);
});

test("every command works under them", async () => {
  await everyCommand(configured(), pipeline, { source: "trades", target: "trades", key: "id", text: "note" }, { createTables: false });
  expect(await serious()).toEqual([]);
});

test.each<[Place, string, string]>([
  ["source", "read another table", "SELECT FROM salaries"],
  ["source", "write its table", "INSERT INTO trades VALUES (100)"],
  ["source", "create a table", "CREATE TABLE mine ()"],
  ["target", "read another table", "SELECT FROM salaries"],
  ["target", "write another table", "INSERT INTO salaries VALUES (100)"],
  ["target", "create a table beside its own schema", "CREATE TABLE mine ()"],
  ["target", "create a schema", "CREATE SCHEMA mine"],
  ["control", "create a schema", "CREATE SCHEMA mine"],
])("the role of the %s may not %s", async (place, _, sql) => {
  const client = await clientOf(place);
  try {
    await expect(client.query(sql)).rejects.toMatchObject({ code: "42501" });
  } finally {
    await client.end();
  }
});

const { source, target, control } = roles;
// With another signature before PostgreSQL 17.
const { rows: functions } = await pipeline.source.query<{ name: string }>(
  "SELECT oid::regprocedure::text AS name FROM pg_proc WHERE proname = 'pg_logical_emit_message' AND proargtypes[2] = 'text'::regtype",
);
const messages = functions[0]!.name;
const own = "of the schema offtake";

describe("`check` names each right that is missing, with the statement that grants it", () => {
  test.each<[what: string, place: Place, revoke: string, words: RegExp]>([
    ["to log in at the source", "source", `REVOKE CONNECT ON DATABASE DB FROM ${source}`, /permission denied for database/],
    ["to replicate", "source", `ALTER ROLE ${source} NOREPLICATION`, /may not replicate/],
    [
      "to use a schema of the source",
      "source",
      `REVOKE USAGE ON SCHEMA public FROM PUBLIC; REVOKE USAGE ON SCHEMA public FROM ${source}`,
      /may not read the table public\.trades/,
    ],
    ["to read a table", "source", `REVOKE SELECT ON trades FROM ${source}`, /may not read the table public\.trades/],
    [
      "to read all of its columns",
      "source",
      `REVOKE SELECT ON trades FROM ${source}; GRANT SELECT (id) ON trades TO ${source}`,
      /may not read the table public\.trades/,
    ],
    ["to see other sessions", "source", `REVOKE pg_read_all_stats FROM ${source}`, /does not see what other sessions do/],
    ["to write heartbeats", "source", "REVOKE EXECUTE ON FUNCTION MESSAGES FROM PUBLIC", /may not write messages/],
    ["to log in at the target", "target", `REVOKE CONNECT ON DATABASE DB FROM ${target}`, /permission denied for database/],
    [
      "to use a schema of the target",
      "target",
      `REVOKE USAGE ON SCHEMA public FROM PUBLIC; REVOKE USAGE ON SCHEMA public FROM ${target}`,
      /may not write the target's table public\.trades/,
    ],
    ...["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"].map((right): [string, Place, string, RegExp] => [
      `to ${right} at the target`,
      "target",
      `REVOKE ${right} ON trades FROM ${target}`,
      /may not write the target's table public\.trades/,
    ]),
    [
      "to put triggers to sleep",
      "target",
      `REVOKE SET ON PARAMETER session_replication_role FROM ${target}`,
      /triggers and foreign keys of the target stay awake/,
    ],
    [
      `to use the target's ${own}`,
      "target",
      `ALTER SCHEMA offtake OWNER TO postgres; REVOKE ALL ON SCHEMA offtake FROM ${target}`,
      /may not use the schema offtake/,
    ],
    [`a right on a table ${own} of the target`, "target", `REVOKE DELETE ON offtake.parked FROM ${target}`, /may not use the schema offtake/],
    ["to log in at the control database", "control", `REVOKE CONNECT ON DATABASE DB FROM ${control}`, /permission denied for database/],
    [
      `to use the control database's ${own}`,
      "control",
      `ALTER SCHEMA offtake OWNER TO postgres; REVOKE ALL ON SCHEMA offtake FROM ${control}`,
      /may not use the schema offtake/,
    ],
    [
      `a right on a table ${own} of the control database`,
      "control",
      `REVOKE INSERT ON offtake.audit FROM ${control}`,
      /may not use the schema offtake/,
    ],
  ])("%s", async (_, place, revoke, words) => {
    await asSuperuser(superusers[place], revoke.replace("MESSAGES", messages).replaceAll("DB", new URL(superusers[place]).pathname.slice(1)));
    const findings = await serious();
    expect(findings.map(({ what }) => what)).toEqual([expect.stringMatching(words)]);
    expect(findings[0]!.cure).toMatch(/\b(GRANT|ALTER ROLE)\b/);
    await asSuperuser(superusers[place], /\b(GRANT|ALTER ROLE)\b.*;/.exec(findings[0]!.cure)?.[0] ?? "");
    expect(await serious()).toEqual([]);
  });
});
