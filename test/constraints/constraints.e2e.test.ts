/** Identities and constraints: whatever order the monolith's changes take, and whatever holds only at the end of a transaction, the target has it. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { caughtUp, stateOf } from "../services/apply/same-texts.ts";
import { MemoryJournal, startCopying } from "../connectors/postgres/copying-connector.ts";
import type { RunningUnit } from "../support/running-unit.ts";
import { waitFor } from "../support/wait-for.ts";
import { tally } from "../support/changed-table.ts";
import { createPipeline, type Pipeline } from "../support/pipeline.ts";
import { plainApplier } from "../services/apply/plain-applier.ts";
import { commit, constrainedSql, copiedTables, constrainedStates, constrainedTransactions } from "./constrained-monolith.ts";

const seed = Number(process.env["OFFTAKE_SEED"] ?? 20_261_122);
const count = Number(process.env["OFFTAKE_TRANSACTIONS"] ?? 400);

async function conflicts({ metrics }: Pipeline): Promise<number> {
  return (await metrics.conflictsTotal.get()).values.reduce((sum, { value }) => sum + value, 0);
}

/** @param between done while a part of the load is written */
async function replicate(pipeline: Pipeline, units: readonly RunningUnit[], between: () => Promise<void> = async () => {}): Promise<void> {
  const { source, target } = pipeline;
  const transactions = constrainedTransactions(seed, count);
  const changed: string[] = [];
  for (let from = 0; from < count; from += 100) {
    const meanwhile = between();
    for (const transaction of transactions.slice(from, from + 100)) changed.push(...(await commit(source, transaction)));
    await meanwhile;
    await caughtUp(pipeline, units);
    expect(await stateOf(target, constrainedStates), `seed ${seed}`).toEqual(await stateOf(source, constrainedStates));
  }
  // What is refused, or finds no row, shows nothing: with this seed two statements a transaction change rows, and thirteen of the table with the fewest.
  expect(changed.length).toBeGreaterThan(count);
  const counts = tally(changed);
  const idle = Object.keys(constrainedStates).filter((table) => (counts.get(table) ?? 0) < count / 100);
  expect(idle, `seed ${seed}: ${JSON.stringify([...counts])}`).toEqual([]);
}

describe(`generated commands, seed ${seed}: the target prints what the monolith prints`, () => {
  test("while tables are copied again, and keys of them, all the time", { timeout: 600_000 }, async () => {
    await using pipeline = await createPipeline(constrainedSql);
    await pipeline.up();
    const journal = new MemoryJournal();
    await using connector = startCopying(pipeline, journal);
    await using applier = pipeline.startApplier();
    await Promise.all([connector.working, applier.working]);
    const keys = Array.from({ length: 12 }, (_, i) => [String(i)]);
    let turn = 0;
    await replicate(pipeline, [connector, applier], async () => {
      turn += 1;
      for (const table of copiedTables.filter((_, i) => i % 4 === turn % 4)) journal.add(table);
      for (const table of ["public.u_at_once", "public.u_two"]) journal.add(table, ["id"], keys);
      await waitFor(() => journal.jobs.every(({ state }) => state === "copied"), { what: "the copies" });
    });
    expect(turn).toBeGreaterThan(0);
    expect(await conflicts(pipeline)).toBe(0);
  });

  test("where triggers and constraints of the target are awake", { timeout: 600_000 }, async () => {
    await using pipeline = await createPipeline(constrainedSql);
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await using applier = await plainApplier(pipeline);
    await Promise.all([connector.working, applier.working]);
    await replicate(pipeline, [connector, applier]);
    expect(await conflicts(pipeline)).toBe(0);
  });
});

/** What a copy, or a repair, meets at a target that is not what it should be: rows that have the unique values of others. */
const damages: readonly { readonly what: string; readonly sql: string; readonly keys: readonly (readonly string[])[] }[] = [
  {
    what: "two rows have swapped their values",
    sql: "UPDATE t SET value = NULL WHERE id = 1; UPDATE t SET value = 1 WHERE id = 2; UPDATE t SET value = 2 WHERE id = 1",
    keys: [["1"], ["2"]],
  },
  {
    what: "a row that is read later has it",
    sql: "UPDATE t SET value = NULL WHERE id = 1; UPDATE t SET value = 1 WHERE id = 6",
    keys: [["1"], ["6"]],
  },
  {
    what: "the row is missing, and another has its value",
    sql: "DELETE FROM t WHERE id = 4; UPDATE t SET value = 4 WHERE id = 5",
    keys: [["4"], ["5"]],
  },
  {
    what: "all values have moved along",
    sql: "UPDATE t SET value = -value; UPDATE t SET value = 1 - value WHERE value > -6; UPDATE t SET value = 1 WHERE value = -6",
    keys: [["1"], ["2"], ["3"], ["4"], ["5"], ["6"]],
  },
];

const unique = "CREATE TABLE t (id int4 PRIMARY KEY, value int4 UNIQUE, note text)";

interface Case {
  readonly sql: string;
  readonly plain?: boolean;
  readonly run: (running: {
    readonly pipeline: Pipeline;
    readonly journal: MemoryJournal;
    readonly connector: RunningUnit;
    readonly applier: RunningUnit;
    /** Waits, and compares. */
    readonly equal: (...tables: readonly string[]) => Promise<void>;
  }) => Promise<void>;
}

async function read({ journal }: { readonly journal: MemoryJournal }): Promise<void> {
  await waitFor(() => journal.jobs.every(({ state }) => state === "copied"), { what: "the rows to be read" });
}

/** Makes a table at the target that says who was there. */
const watched = `CREATE TABLE seen (what text); CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (TG_NAME); RETURN NULL; END $$;
  CREATE TRIGGER asleep AFTER INSERT ON children FOR EACH ROW EXECUTE FUNCTION tell(); CREATE TRIGGER always AFTER INSERT ON parents FOR EACH ROW EXECUTE FUNCTION tell();
  ALTER TABLE parents ENABLE ALWAYS TRIGGER always; GRANT ALL ON seen TO PUBLIC`;
const family =
  "CREATE TABLE parents (id int4 PRIMARY KEY); CREATE TABLE children (id int4 PRIMARY KEY, parent int4 REFERENCES parents ON DELETE CASCADE)";

/** By the first cell of their row in docs/tables.md. */
const cases: Readonly<Record<string, Case>> = {
  "A unique value passes from row to row within a transaction, or within a batch": {
    sql: unique,
    async run({ pipeline: { source }, equal }) {
      await source.query("INSERT INTO t SELECT i, i, 'n' FROM generate_series(1, 6) i");
      await source.query(
        "BEGIN; UPDATE t SET value = NULL WHERE id = 1; UPDATE t SET value = 1 WHERE id = 2; UPDATE t SET value = 2 WHERE id = 1; DELETE FROM t WHERE id = 3; UPDATE t SET value = 3 WHERE id = 4; COMMIT",
      );
      for (let i = 6; i > 0; i -= 1) await source.query("UPDATE t SET value = value + 1 WHERE value = $1", [i]);
      await equal("t");
    },
  },
  "A constraint is DEFERRABLE": {
    sql: "CREATE TABLE t (id int4 PRIMARY KEY, value int4 UNIQUE DEFERRABLE)",
    async run({ pipeline: { source, target }, applier, equal }) {
      await source.query("INSERT INTO t SELECT i, i FROM generate_series(1, 6) i");
      await source.query("UPDATE t SET value = 7 - value");
      await equal("t");
      await target.query("INSERT INTO t VALUES (70, 8)");
      await source.query("INSERT INTO t VALUES (8, 8)");
      await waitFor(async () => (await target.query("SELECT FROM t WHERE value = 8")).rowCount === 2, { what: "two rows with one value" });
      expect(applier.log.find(({ msg }) => msg === "applying")).toMatchObject({ replica: true });
    },
  },
  "Triggers, and foreign keys that are checked at once or late, where the role may set `session_replication_role`": {
    sql: family,
    async run({ pipeline: { source, target }, equal }) {
      await target.query(watched);
      await source.query("INSERT INTO parents VALUES (1), (2); INSERT INTO children VALUES (1, 1)");
      await equal("parents", "children");
      await target.query("DELETE FROM parents WHERE id = 2; DELETE FROM seen");
      // Its parent is not there, and nobody asks.
      await source.query("INSERT INTO children VALUES (2, 2); INSERT INTO parents VALUES (3)");
      await equal("children");
      expect((await target.query("TABLE seen")).rows).toEqual([{ what: "always" }]);
    },
  },
  "The same, where it may not": {
    sql: family,
    plain: true,
    async run({ pipeline: { source, target }, applier, equal }) {
      await target.query(watched);
      await source.query("INSERT INTO parents VALUES (1), (2); INSERT INTO children VALUES (1, 1), (2, 2); DELETE FROM parents WHERE id = 1");
      await equal("parents", "children");
      expect((await target.query("TABLE seen")).rows.map(({ what }) => String(what))).toEqual(["always", "always", "asleep", "asleep"]);
      await target.query("DELETE FROM parents");
      await source.query("INSERT INTO children VALUES (3, 2)");
      expect(await applier.ended).toMatchObject({
        code: "EVENT_NOT_APPLICABLE",
        message: expect.stringContaining("violates foreign key constraint"),
      });
    },
  },
  "Rows that a copy or a repair reads have one another's unique values": {
    sql: damages.flatMap((_, i) => ["copy", "repair"].map((way) => unique.replace("TABLE t", `TABLE t_${i}_${way}`))).join("; "),
    async run({ pipeline: { source, target }, journal, equal }) {
      const tables = damages.flatMap((damage, i) => (["copy", "repair"] as const).map((way) => ({ ...damage, way, table: `t_${i}_${way}` })));
      for (const { table } of tables) await source.query(`INSERT INTO ${table} SELECT i, i, 'n' FROM generate_series(1, 6) i`);
      await equal(...tables.map(({ table }) => table));
      for (const { table, sql, way, keys } of tables) {
        await target.query(sql.replaceAll("t SET", `${table} SET`).replaceAll("FROM t ", `FROM ${table} `));
        if (way === "copy") journal.add(`public.${table}`);
        else journal.add(`public.${table}`, ["id"], keys);
      }
      await read({ journal });
      await equal(...tables.map(({ table }) => table));
    },
  },
  "A row that only the target has has a unique value of one that is copied": {
    sql: unique,
    async run({ pipeline, journal, connector, applier, equal }) {
      const { source, target } = pipeline;
      await source.query("INSERT INTO t SELECT i, i, 'n' FROM generate_series(1, 6) i");
      await equal("t");
      const extra = "UPDATE t SET value = NULL WHERE id = 3; INSERT INTO t VALUES (77, 3, 'x')";
      await target.query(extra);
      journal.add("public.t", ["id"], [["3"], ["77"]]);
      await read({ journal });
      await equal("t");
      await target.query(extra);
      journal.add("public.t");
      expect(await applier.ended).toMatchObject({
        code: "EVENT_NOT_APPLICABLE",
        message: expect.stringContaining("the copy of public.t (id)=(3)"),
        cure: 'Remove the row of "public"."t" that stands in its way: if the monolith has it, the copy brings it, or the next repair. The applier goes on by itself.',
      });
      await target.query("DELETE FROM t WHERE id = 77");
      await using second = pipeline.startApplier();
      await caughtUp(pipeline, [connector, second]);
      expect(await stateOf(target, { t: "id" })).toEqual(await stateOf(source, { t: "id" }));
    },
  },
  "A constraint is checked at once and the monolith's is DEFERRABLE": {
    sql: "CREATE TABLE t (id int4 PRIMARY KEY, value int4 UNIQUE DEFERRABLE)",
    async run({ pipeline: { source, target }, applier, equal }) {
      await target.query("ALTER TABLE t DROP CONSTRAINT t_value_key, ADD UNIQUE (value)");
      await source.query("INSERT INTO t SELECT i, i FROM generate_series(1, 6) i");
      await equal("t");
      await source.query("UPDATE t SET value = 7 - value");
      expect(await applier.ended).toMatchObject({
        code: "EVENT_NOT_APPLICABLE",
        message: expect.stringContaining('unique constraint "t_value_key"'),
      });
    },
  },
};

describe("docs/tables.md", () => {
  test("has a row for each case", () => {
    const document = readFileSync(new URL("../../docs/tables.md", import.meta.url), "utf8");
    const section = document.split(/^## /m).find((each) => each.startsWith("Keys and constraints\n")) ?? "";
    const rows = section.split("\n").filter((line) => line.startsWith("| "));
    expect(rows.slice(1).map((row) => row.slice(2).split(" | ")[0])).toEqual(Object.keys(cases));
  });

  test.each(Object.entries(cases))("%s", async (_, { sql, plain, run }) => {
    await using pipeline = await createPipeline(sql);
    await pipeline.up();
    const journal = new MemoryJournal();
    await using connector = startCopying(pipeline, journal);
    await using applier = plain === true ? await plainApplier(pipeline) : pipeline.startApplier();
    await Promise.all([connector.working, applier.working]);
    const equal = async (...names: readonly string[]): Promise<void> => {
      await caughtUp(pipeline, [connector, applier]);
      const tables = Object.fromEntries(names.map((name) => [name, "id"]));
      expect(await stateOf(pipeline.target, tables)).toEqual(await stateOf(pipeline.source, tables));
    };
    await run({ pipeline, journal, connector, applier, equal });
  });
});
