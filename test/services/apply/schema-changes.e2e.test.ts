/**
 * Tables of the monolith that are altered between two changes of one row, with everything running, and with a connector that was away meanwhile, so that the
 * stream is behind the catalog. Each change is carried, or stops a unit before its first row with an error whose cure, done as it says, loses nothing.
 *
 * The cases are the rows of docs/tables.md, "Changes of the schema".
 */
import { readFileSync } from "node:fs";
import type { Client } from "pg";
import { describe, expect, test } from "vitest";
import { readNeedsCopy } from "../../../services/apply/needs-copy.ts";
import type { OfftakeError } from "../../../services/runtime/errors.ts";
import { runConnector } from "../../../connectors/postgres/connector.ts";
import { runApplier } from "../../../services/apply/applier.ts";
import { up } from "../../../services/cli/up.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp } from "./same-texts.ts";

interface Stop {
  readonly code: string;
  /** Does what the error's cure says. */
  readonly mend: (pipeline: Pipeline, cure: string) => Promise<unknown>;
}

interface Case {
  /** Columns beside the key. */
  readonly columns?: string;
  readonly before?: string;
  readonly change: string;
  readonly after: string;
  readonly stops?: readonly Stop[];
  readonly ddl?: "follow";
  /** What is looked up at the target in the end. */
  readonly types?: Readonly<Record<string, string>>;
}

/** Runs the first statement of the cure that begins like this at the target, what is left to the reader put in. */
function sql(code: string, beginning: string, fill = ""): Stop {
  return {
    code,
    mend: async ({ target }, cure) => {
      const statement = new RegExp(`${beginning}[^;]*;`).exec(cure)?.[0] ?? `the cure has no ${beginning}: ${cure}`;
      await target.query(statement.replace("…", fill));
    },
  };
}

/** What the cure leaves to whoever knows the table. */
const byHand = (code: string, word: string, statement: string): Stop => ({
  code,
  mend: async ({ target }, cure) => {
    expect(cure).toContain(word);
    await target.query(statement);
  },
});

/** Lets one version of the subject that the cure names through. */
const letThrough: Stop = {
  code: "SCHEMA_REFUSED",
  mend: async ({ configuration }, cure) => {
    const [, body = "", path] = /PUT (\{.*?\}) to (\/config\/\S+)/.exec(cure) ?? [];
    const registry = configuration.registry.url.reveal().replace(/\/$/, "");
    const answer = await fetch(`${registry}${path}`, { method: "PUT", body, headers: { "content-type": "application/vnd.schemaregistry.v1+json" } });
    expect(answer.status).toBe(200);
  },
};

const addColumn = (fill = ""): Stop => sql("TARGET_COLUMN_MISSING", "ALTER TABLE \\S+ ADD COLUMN", fill);
const renameColumn = sql("TARGET_COLUMN_MISSING", "ALTER TABLE \\S+ RENAME COLUMN");
const alterColumn = sql("TARGET_COLUMN_OUTDATED", "ALTER TABLE \\S+ ALTER COLUMN");
const extra = "UPDATE t SET note = 'after', extra = 5 WHERE id = 1; INSERT INTO t VALUES (3, 'new', 6)";
const noted = "UPDATE t SET note = 'after' WHERE id = 1";

const cases: Record<string, Case> = {
  "A column is added": { change: "ALTER TABLE t ADD COLUMN extra int", after: extra, stops: [addColumn()] },
  "A column is added; `ddl: follow`": { change: "ALTER TABLE t ADD COLUMN extra int", after: extra, ddl: "follow" },
  "A column with a modifier is added; `ddl: follow`": {
    change: "ALTER TABLE t ADD COLUMN extra numeric(10,2)",
    after: extra,
    ddl: "follow",
    types: { extra: "numeric(10,2)" },
  },
  "A column with a default is added": {
    change: "ALTER TABLE t ADD COLUMN extra int DEFAULT 7",
    after: extra,
    stops: [addColumn("7")],
  },
  "A column with a default is added; `ddl: follow`": {
    change: "ALTER TABLE t ADD COLUMN extra int NOT NULL DEFAULT 7; ALTER TABLE t ALTER COLUMN extra DROP DEFAULT",
    after: extra,
    ddl: "follow",
    stops: [addColumn("7")],
  },
  "A column of a new type is added; `ddl: follow`": {
    change: "CREATE TYPE mood AS ENUM ('5', '6'); ALTER TABLE t ADD COLUMN extra mood",
    after: extra.replace("6)", "'6')").replace("= 5", "= '5'"),
    ddl: "follow",
    stops: [byHand("TARGET_COLUMN_MISSING", "Create the type public.mood", "CREATE TYPE mood AS ENUM ('5', '6')")],
    types: { extra: "mood" },
  },
  "A column is added and another dropped; `ddl: follow`": {
    columns: "note text, old text",
    before: "INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'y')",
    change: "ALTER TABLE t DROP COLUMN old, ADD COLUMN extra int",
    after: extra,
    ddl: "follow",
    stops: [addColumn()],
  },
  "A column is dropped": {
    columns: "note text, old text",
    before: "INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'y')",
    change: "ALTER TABLE t DROP COLUMN old",
    after: `${noted}; INSERT INTO t VALUES (3, 'new')`,
  },
  "A column that is NOT NULL is dropped": {
    columns: "note text, old text NOT NULL",
    before: "INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'y')",
    change: "ALTER TABLE t DROP COLUMN old",
    after: `${noted}; INSERT INTO t VALUES (3, 'new')`,
    stops: [sql("EVENT_NOT_APPLICABLE", "ALTER TABLE")],
  },
  "A column is renamed": {
    change: "ALTER TABLE t RENAME COLUMN note TO remark",
    after: "UPDATE t SET remark = 'after' WHERE id = 1",
    stops: [renameColumn],
  },
  "A column is renamed; `ddl: follow`": {
    change: "ALTER TABLE t RENAME COLUMN note TO remark",
    after: "UPDATE t SET remark = 'after' WHERE id = 1",
    ddl: "follow",
    stops: [renameColumn],
  },
  "A column is added between two changes of one transaction; `ddl: follow`": {
    change: "BEGIN; UPDATE t SET note = 'half' WHERE id = 1; ALTER TABLE t ADD COLUMN extra int; UPDATE t SET extra = 4 WHERE id = 1; COMMIT",
    after: extra,
    ddl: "follow",
  },
  "A column of the key is renamed": {
    change: "ALTER TABLE t RENAME COLUMN id TO number",
    after: "UPDATE t SET note = 'after' WHERE number = 1",
    stops: [letThrough, letThrough, renameColumn],
  },
  "A column gets a wider number": {
    columns: "note text, n int",
    before: "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)",
    change: "ALTER TABLE t ALTER COLUMN n TYPE bigint",
    after: "UPDATE t SET note = 'after', n = 5000000000 WHERE id = 1",
    stops: [alterColumn],
  },
  "A key gets a wider number": {
    change: "ALTER TABLE t ALTER COLUMN id TYPE bigint",
    after: "UPDATE t SET id = 5000000000 WHERE id = 1",
    stops: [alterColumn],
  },
  "A column gets a type of another Avro form": {
    columns: "note text, n int",
    before: "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)",
    change: "ALTER TABLE t ALTER COLUMN n TYPE text",
    after: "UPDATE t SET note = 'after', n = 'five' WHERE id = 1",
    stops: [letThrough, alterColumn],
  },
  "A column gets a type of the same Avro form": {
    columns: "note text, n timestamp",
    before: "INSERT INTO t VALUES (1, 'a', '2026-01-01 10:00'), (2, 'b', '2026-01-02 11:00')",
    change: "ALTER TABLE t ALTER COLUMN n TYPE date",
    after: noted,
    stops: [alterColumn],
  },
  "A column gets another length": {
    columns: "note varchar(6)",
    change: "ALTER TABLE t ALTER COLUMN note TYPE varchar(50)",
    after: "UPDATE t SET note = 'longer than six' WHERE id = 1",
    stops: [alterColumn],
  },
  "A column gets another scale, which rounds its rows": {
    columns: "note text, n numeric(10,2)",
    before: "INSERT INTO t VALUES (1, 'a', 1.25), (2, 'b', 2.25)",
    change: "ALTER TABLE t ALTER COLUMN n TYPE numeric(10,1)",
    after: noted,
    stops: [alterColumn],
  },
  "An enum gets a value": {
    columns: "note text, m mood",
    before: "INSERT INTO t VALUES (1, 'a', 'good'), (2, 'b', 'good')",
    change: "ALTER TYPE mood ADD VALUE 'bad'",
    after: "UPDATE t SET m = 'bad' WHERE id = 1",
    stops: [byHand("EVENT_NOT_APPLICABLE", "ALTER TYPE", "ALTER TYPE mood ADD VALUE 'bad'")],
  },
};

/** As docs/tables.md has it. */
function outcomeOf({ stops = [] }: Pick<Case, "stops">): string {
  const codes = [...new Set(stops.map(({ code }) => `\`${code}\``))];
  return codes.length === 0 ? "carried" : `stops: ${codes.join(", then ")}`;
}

/** Every row of the monolith's columns, as text. */
async function rowsOf(client: Client, columns: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ row: string }>(`SELECT ROW(${columns.join(", ")})::text AS row FROM t ORDER BY 1`);
  return rows.map(({ row }) => row);
}

async function columnsOf(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT quote_ident(attname) AS name FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
  );
  return rows.map(({ name }) => name);
}

/** Starts what has ended, mended, until everything is applied. */
class Units implements AsyncDisposable {
  connector: RunningUnit;
  applier: RunningUnit;
  readonly #pipeline: Pipeline;

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
    this.connector = pipeline.startConnector();
    this.applier = pipeline.startApplier();
  }

  /** @returns the error that one of them stops with; undefined when everything is applied */
  async stopped(): Promise<OfftakeError | undefined> {
    const caught = caughtUp(this.#pipeline).then(() => undefined);
    // Where a unit stops it never does.
    caught.catch(() => undefined);
    const ends = [this.connector.ended, this.applier.ended].map(async (ended) => (await ended) ?? Promise.reject(new Error("a unit ended")));
    return Promise.race([caught, ...ends]);
  }

  async restart(): Promise<void> {
    await this[Symbol.asyncDispose]();
    this.connector = this.#pipeline.startConnector();
    this.applier = this.#pipeline.startApplier();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connector[Symbol.asyncDispose]();
    await this.applier[Symbol.asyncDispose]();
  }
}

interface Played {
  /** Of the errors that it stopped with. */
  readonly codes: readonly string[];
  readonly source: readonly string[];
  readonly target: readonly string[];
  /** Of the target's columns. */
  readonly types: Readonly<Record<string, string>>;
}

async function play(name: string, away: boolean): Promise<Played> {
  const { columns = "note text", before = "INSERT INTO t VALUES (1, 'a'), (2, 'b')", change, after, stops = [], ddl } = cases[name]!;
  const schema = `CREATE TYPE mood AS ENUM ('good'); CREATE TABLE t (id int PRIMARY KEY, ${columns})`.slice(columns.includes("mood") ? 0 : 35);
  await using pipeline = await createPipeline(schema, { tables: ddl === undefined ? ["t"] : { t: { ddl } } });
  const { source, target } = pipeline;
  await pipeline.up();
  await using units = new Units(pipeline);
  await source.query(before);
  expect(await units.stopped()).toBeUndefined();
  if (away) await units.connector.stop();
  await source.query("UPDATE t SET note = 'before' WHERE id = 1");
  const old = await columnsOf(source);
  const unchanged = await rowsOf(source, old);
  for (const statement of `${change};${after}`.split(";")) await source.query(statement);
  if (away) units.connector = pipeline.startConnector();
  const codes: string[] = [];
  for (const { code, mend } of stops) {
    const error = await units.stopped();
    codes.push(error?.code ?? "nothing");
    if (error?.code !== code) throw error ?? new Error(`it does not stop with ${code}`);
    // Nothing of the new shape, and all that was before it. What one row does not fit has taken rows before it.
    if (codes.length === 1 && code !== "EVENT_NOT_APPLICABLE")
      await waitFor(async () => (await rowsOf(target, old)).join() === unchanged.join(), { what: `the rows before the change (${error.message})` });
    await mend(pipeline, error.cure ?? "");
    await units.restart();
  }
  const left = await units.stopped();
  if (left !== undefined) throw left;
  const { rows } = await target.query<{ name: string; type: string }>(
    "SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 't'::regclass",
  );
  const now = await columnsOf(source);
  return {
    codes,
    source: await rowsOf(source, now),
    target: await rowsOf(target, now),
    types: Object.fromEntries(rows.map(({ name: column, type }) => [column, type])),
  };
}

describe("changed while everything runs", () => {
  test.each(Object.entries(cases))("%s", async (name, { stops = [], types = {} }) => {
    const played = await play(name, false);
    expect(played.codes).toEqual(stops.map(({ code }) => code));
    expect(played.target).toEqual(played.source);
    expect(played.types).toMatchObject(types);
  });
});

describe("changed while the connector is away", () => {
  test.each(Object.entries(cases))("%s", async (name, { stops = [], types = {} }) => {
    const played = await play(name, true);
    expect(played.codes).toEqual(stops.map(({ code }) => code));
    expect(played.target).toEqual(played.source);
    expect(played.types).toMatchObject(types);
  });
});

const newTables: Record<string, Pick<Case, "stops">> = {
  "A table is created that a pattern matches": {
    stops: [
      { code: "PUBLICATION_DIFFERS", mend: async ({ source }, cure) => source.query(cure) },
      {
        code: "TARGET_TABLE_MISSING",
        mend: async (pipeline, cure) => {
          expect(cure).toContain("offtake up --create-tables");
          await pipeline.up();
        },
      },
    ],
  },
  "A table is put into the publication, and later into `tables`": {},
};

const idAndNote = "(id int PRIMARY KEY, note text)";

describe("a table that joins", () => {
  test("A table is created that a pattern matches", async () => {
    await using pipeline = await createPipeline(`CREATE TABLE t ${idAndNote}`, { heartbeatEvery: "1s" });
    const { source, target, connector } = pipeline;
    await pipeline.up();
    await using units = new Units(pipeline);
    await units.connector.working;
    await source.query(`CREATE TABLE u ${idAndNote}; INSERT INTO t VALUES (1, 'a'); INSERT INTO u VALUES (1, 'before')`);
    for (const { code, mend } of newTables["A table is created that a pattern matches"]?.stops ?? []) {
      // Everything else is caught up with before the watch looks.
      const error = await (code === "PUBLICATION_DIFFERS" ? units.connector.ended : units.stopped());
      expect(error?.code).toBe(code);
      await mend(pipeline, error?.cure ?? "");
      if (code === "PUBLICATION_DIFFERS") await source.query("UPDATE t SET note = 'b'; INSERT INTO u VALUES (2, 'after')");
      await units.restart();
    }
    expect((await units.stopped())?.message).toBeUndefined();
    expect((await target.query("SELECT 't' AS of, note FROM t UNION ALL SELECT 'u', note FROM u ORDER BY 1, 2")).rows).toEqual([
      { of: "t", note: "b" },
      { of: "u", note: "after" },
    ]);
    // The row that was there before it was published is known to be missing.
    expect(await readNeedsCopy(target, connector.name)).toEqual(["public.u"]);
  });

  test("A table is put into the publication, and later into `tables`", async () => {
    await using pipeline = await createPipeline(`CREATE TABLE t ${idAndNote}`, { tables: ["t"] });
    const { source, target, connector, configuration, service } = pipeline;
    await pipeline.up();
    await using units = new Units(pipeline);
    await source.query(`CREATE TABLE u ${idAndNote}; ALTER PUBLICATION ${connector.publication} ADD TABLE u; INSERT INTO u VALUES (1, 'before')`);
    await source.query("INSERT INTO t VALUES (1, 'a')");
    expect((await units.stopped())?.message).toBeUndefined();
    expect(units.connector.log.filter(({ msg }) => msg?.includes("public.u") === true)).toMatchObject([{ level: "warn" }]);
    await units[Symbol.asyncDispose]();
    const more = { ...service, tables: ["t", "u"].map((table) => ({ pattern: table, schema: "public", table })) };
    const altered: Pipeline = { ...pipeline, configuration: { ...configuration, services: [more] }, service: more };
    await up(altered.configuration, { createTables: true }, { json: true, progress: () => {}, answer: () => {} }, new AbortController().signal);
    await source.query("UPDATE t SET note = 'b'; INSERT INTO u VALUES (2, 'after')");
    await using capturing = startUnit(async ({ log, working, interruption, signal }) =>
      runConnector({ ...altered, log, capturing: working, interruption }, signal),
    );
    await using applying = startUnit(async ({ log, working, interruption, signal }) =>
      runApplier({ ...altered, connector: connector.name, log, applying: working, interruption }, signal),
    );
    await caughtUp(pipeline, [capturing, applying]);
    expect((await target.query("SELECT 't' AS of, note FROM t UNION ALL SELECT 'u', note FROM u ORDER BY 1, 2")).rows).toEqual([
      { of: "t", note: "b" },
      { of: "u", note: "after" },
    ]);
    expect(await readNeedsCopy(target, connector.name)).toEqual(["public.u"]);
  });
});

test("docs/tables.md says the same", () => {
  const text = readFileSync(new URL("../../../docs/tables.md", import.meta.url), "utf8");
  const section = /^## Changes of the schema$(.*?)(?=^## |$(?![^]))/ms.exec(text)?.[1] ?? "";
  const rows = [...section.matchAll(/^\| (.*?) \| (.*?) \|/gm)].map(([, change, outcome]) => [change, outcome]).slice(1);
  expect(rows).toEqual([...Object.entries(cases), ...Object.entries(newTables)].map(([name, each]) => [name, outcomeOf(each)]));
});
