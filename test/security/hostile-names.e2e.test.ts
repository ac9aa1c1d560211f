/** Names and values that would be SQL if anybody pasted them into some: through every command, and nothing but what was asked for has happened at any database. */
import { stringify } from "yaml";
import pg, { escapeIdentifier, type Client } from "pg";
import { expect, inject, test } from "vitest";
import { parseConfiguration } from "../../services/runtime/configuration.ts";
import { uniqueName } from "../support/databases.ts";
import { createPipeline } from "../support/pipeline.ts";
import { everyCommand } from "./every-command.ts";

/** Ends a name in each way that SQL, COPY, a start-up option, a pattern or a template knows, and goes on with a statement. At most 63 bytes, as PostgreSQL has it. */
function hostile(what: string): string {
  return `${what}"'\\;\n\t$$ $1 %s \${x} é\u{1F511}--/*:; DROP TABLE canary;`;
}

const names = {
  schema: hostile("s"),
  table: hostile("t"),
  key: hostile("k"),
  text: hostile("c"),
  bytes: hostile("b"),
  json: hostile("j"),
  label: hostile("l"),
  type: hostile("e"),
  domain: hostile("d"),
  collation: hostile("o"),
  index: hostile("i"),
  check: hostile("x"),
};
const quoted = Object.fromEntries(Object.entries(names).map(([what, name]) => [what, escapeIdentifier(name)]));

/** As a query without parameters has to write it. */
function literal(text: string): string {
  return `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

const table = `${quoted["schema"]}.${quoted["table"]}`;
const schemaSql = `
  CREATE TABLE canary (id int8 PRIMARY KEY);
  CREATE SCHEMA ${quoted["schema"]};
  CREATE COLLATION ${quoted["schema"]}.${quoted["collation"]} (provider = icu, locale = 'und');
  CREATE TYPE ${quoted["schema"]}.${quoted["type"]} AS ENUM (${literal(names.label)}, 'plain');
  CREATE DOMAIN ${quoted["schema"]}.${quoted["domain"]} AS text CONSTRAINT ${quoted["check"]} CHECK (VALUE <> ${literal(hostile("never"))});
  CREATE TABLE ${table} (
    ${quoted["key"]} int8 PRIMARY KEY,
    ${quoted["text"]} ${quoted["schema"]}.${quoted["domain"]} COLLATE ${quoted["schema"]}.${quoted["collation"]} DEFAULT ${literal(hostile("default"))},
    ${quoted["bytes"]} bytea DEFAULT '\\x00275c003b',
    ${quoted["json"]} json DEFAULT '{"\\u0000''\\\\; --": "\\u0000"}',
    ${quoted["label"]} ${quoted["schema"]}.${quoted["type"]}[] DEFAULT ARRAY[${literal(names.label)}]::${quoted["schema"]}.${quoted["type"]}[],
    CONSTRAINT ${quoted["check"]} CHECK (${quoted["text"]} <> ${literal(hostile("never"))})
  );
  COMMENT ON TABLE ${table} IS ${literal(hostile("comment"))};
  CREATE INDEX ${quoted["index"]} ON ${table} (${quoted["text"]});
  INSERT INTO ${table} VALUES (1, 'before')`;

/** All that is in a database and is not PostgreSQL's own or Offtake's. */
async function relations(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT n.nspname || '.' || c.relname AS name
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^(pg_|information_schema|offtake$)' AND c.relkind IN ('r', 'p', 'v') ORDER BY 1`);
  return rows.map(({ name }) => name);
}

test("a monolith in which every name is hostile, and a role of such a name", async () => {
  await using pipeline = await createPipeline(schemaSql, {
    servers: { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") },
  });
  const { source, target, connector } = pipeline;
  await target.query("CREATE TABLE canary (id int8 PRIMARY KEY)");
  const role = `${uniqueName("r")}${hostile("")}`;
  for (const client of [source, target]) await client.query(`CREATE ROLE ${escapeIdentifier(role)} LOGIN SUPERUSER REPLICATION PASSWORD 'x'`);
  const as = (superuser: string): string => {
    const url = new URL(superuser);
    [url.username, url.password] = [encodeURIComponent(role), "x"];
    return url.href;
  };
  const pattern = [names.schema, names.table].map((name) => `"${name.replaceAll('"', '""')}"`).join(".");
  const text = stringify({
    mode: "development",
    source: { url: as(pipeline.sourceUrl) },
    kafka: { brokers: inject("kafka"), topicPrefix: connector.name },
    registry: { url: inject("registry") },
    control: { url: as(pipeline.controlUrl) },
    connectors: { "con.nec-tor": { publication: hostile("p"), slot: connector.slot, service: "ser.vi-ce" } },
    services: { "ser.vi-ce": { target: { url: as(pipeline.targetUrl), schema: names.schema }, tables: { [pattern]: { poison: "park" } } } },
  });
  await everyCommand(
    parseConfiguration(text, pipeline.file, {}),
    pipeline,
    { source: table, target: table, key: quoted["key"]!, text: quoted["text"]! },
    { service: "ser.vi-ce", texts: [`\\N${hostile("bad")}`, `\\.\n${hostile("good")}\\`] },
  );
  expect(await relations(source)).toEqual(["public.canary", `${names.schema}.${names.table}`].toSorted());
  expect(await relations(target)).toEqual(["public.canary", `${names.schema}.${names.table}`].toSorted());
  const control = new pg.Client(pipeline.controlUrl);
  await control.connect();
  for (const client of [source, target, control]) await client.query(`DROP OWNED BY ${escapeIdentifier(role)} CASCADE`);
  await control.end();
  for (const client of [source, target]) await client.query(`DROP ROLE ${escapeIdentifier(role)}`);
});
