/**
 * Tables of the monolith that are altered between two changes of one row, with everything running, and with a connector that was away meanwhile, so that the
 * stream is behind the catalog. Each change is carried, or stops a unit before its first row with an error whose cure, done as it says, loses nothing.
 *
 * The cases are the rows of docs/tables.md, "Changes of the schema".
 */
import { readFileSync } from "node:fs";
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
import { columnsOf, rowsOf, rowsSql, schemaChanges, tableSql } from "./schema-changes.ts";

/** As docs/tables.md has it. */
function outcomeOf({ stops = [] }: { readonly stops?: readonly { readonly code: string }[] }): string {
  const codes = [...new Set(stops.map(({ code }) => `\`${code}\``))];
  return codes.length === 0 ? "carried" : `stops: ${codes.join(", then ")}`;
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
  const altered = schemaChanges[name]!;
  const { change, after, stops = [], ddl } = altered;
  await using pipeline = await createPipeline(tableSql(altered), { tables: ddl === undefined ? ["t"] : { t: { ddl } } });
  const { source, target } = pipeline;
  await pipeline.up();
  await using units = new Units(pipeline);
  await source.query(rowsSql(altered));
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
    await mend({ configuration: pipeline.configuration, atTarget: async (sql) => target.query(sql) }, error.cure ?? "");
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
  test.each(Object.entries(schemaChanges))("%s", async (name, { stops = [], types = {} }) => {
    const played = await play(name, false);
    expect(played.codes).toEqual(stops.map(({ code }) => code));
    expect(played.target).toEqual(played.source);
    expect(played.types).toMatchObject(types);
  });
});

describe("changed while the connector is away", () => {
  test.each(Object.entries(schemaChanges))("%s", async (name, { stops = [], types = {} }) => {
    const played = await play(name, true);
    expect(played.codes).toEqual(stops.map(({ code }) => code));
    expect(played.target).toEqual(played.source);
    expect(played.types).toMatchObject(types);
  });
});

interface JoiningTable {
  readonly stops?: readonly { readonly code: string; readonly mend: (pipeline: Pipeline, cure: string) => Promise<unknown> }[];
}

const newTables: Record<string, JoiningTable> = {
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
  expect(rows).toEqual([...Object.entries(schemaChanges), ...Object.entries(newTables)].map(([name, each]) => [name, outcomeOf(each)]));
});
