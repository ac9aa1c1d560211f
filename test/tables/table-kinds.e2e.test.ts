/**
 * What is carried and what is refused, one kind of table and column after the other, and that docs/tables.md says the same, word for word.
 */
import { readFileSync } from "node:fs";
import { type Client, escapeIdentifier } from "pg";
import { describe, expect, test } from "vitest";
import { check } from "../../services/cli/check.ts";
import { refuseUnsuitableTables } from "../../services/cli/check-source-tables.ts";
import { caughtUp, stateOf } from "../services/apply/same-texts.ts";
import { createPipeline } from "../support/pipeline.ts";
import { typesSql } from "./random-types.ts";
import { carriedKinds, refusedKinds } from "./table-kinds.ts";

const document = readFileSync(new URL("../../docs/tables.md", import.meta.url), "utf8");

/** First and last cell of the rows of the section with this word. */
function documented(word: "carried" | "refused"): string[][] {
  const section = document.split(/^## /m).find((each) => each.startsWith(`What is ${word}\n`)) ?? "";
  const rows = section.split("\n").map((line) => line.split(" | "));
  return rows.filter((cells) => cells[1] === word).map(([name, , last]) => [name!.slice(2), last!.slice(0, -2)]);
}

/** Without the rows of those that inherit from it, which are tables of their own; a partitioned table has none but its partitions'. */
async function stateOfTables(client: Client, tables: readonly string[]): Promise<Record<string, string[]>> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relkind = 'p' AND relnamespace = 'public'::regnamespace",
  );
  const only = (table: string): string => (rows.some(({ name }) => name === table) ? "" : "ONLY ");
  return stateOf(client, Object.fromEntries(tables.map((table) => [`(SELECT * FROM ${only(table)}public.${escapeIdentifier(table)})`, "1"])));
}

describe("docs/tables.md", () => {
  test("names what is carried, and nothing else", async () => {
    expect(documented("carried")).toEqual(carriedKinds.map(({ name, how }) => [name, how]));
    await using pipeline = await createPipeline([typesSql, ...carriedKinds.map(({ sql }) => sql)].join(";\n"));
    const { source, target } = pipeline;
    await pipeline.up();
    expect((await check(pipeline.configuration)).filter(({ level }) => level === "fault")).toEqual([]);
    await using connector = pipeline.startConnector();
    await using applier = pipeline.startApplier();
    await Promise.all([connector.working, applier.working]);
    for (const { load } of carriedKinds) await source.query(load);
    await caughtUp(pipeline, [connector, applier]);
    for (const { name, tables } of carriedKinds) {
      const written = await stateOfTables(source, tables);
      expect({ name, empty: Object.keys(written).filter((table) => written[table]!.length === 0) }).toEqual({ name, empty: [] });
      expect({ name, rows: await stateOfTables(target, tables) }).toEqual({ name, rows: written });
    }
  });

  test("names what is refused, by check and by up, and why", async () => {
    await using pipeline = await createPipeline(refusedKinds.map(({ sql }) => sql).join(";\n"));
    const faults = (await check(pipeline.configuration)).filter(({ level }) => level === "fault");
    const why = refusedKinds.map(({ name, table }) => {
      const found = faults.filter(({ where, what }) => where.startsWith("connector") && what.includes(`public.${table} `));
      expect(found.map(({ cure }) => cure)).toEqual([expect.stringMatching(/./)]);
      return [name, found[0]!.what.replace(`the table public.${table} `, "")];
    });
    expect(documented("refused")).toEqual(why);
    for (const { table } of refusedKinds)
      await expect(refuseUnsuitableTables(pipeline.source, [{ schema: "public", table }])).rejects.toMatchObject({ code: "TABLE_UNSUITABLE" });
    await expect(pipeline.up()).rejects.toMatchObject({ code: "TABLE_UNSUITABLE" });
  });

  test("says that a publication must not publish partitions as their root", async () => {
    const sql = `CREATE SCHEMA apart; CREATE TABLE apart.root (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE leaf PARTITION OF apart.root FOR VALUES FROM (0) TO (9)`;
    await using pipeline = await createPipeline(sql);
    const { source, connector } = pipeline;
    const publication = escapeIdentifier(connector.publication);
    await source.query(`CREATE PUBLICATION ${publication} FOR TABLE apart.root WITH (publish_via_partition_root = true)`);
    const cure = `ALTER PUBLICATION ${publication} SET (publish_via_partition_root = false);`;
    expect(await check(pipeline.configuration)).toContainEqual(
      expect.objectContaining({ level: "fault", what: expect.stringContaining("come as changes of apart.root"), cure }),
    );
    // Twice: nothing was half done by the first.
    for (const _ of [1, 2]) await expect(pipeline.up()).rejects.toMatchObject({ code: "PUBLICATION_DIFFERS", cure });
    await source.query(cure);
    expect(await pipeline.up()).toMatchObject({ publication: "present" });
    expect(document).toContain("publish_via_partition_root");
  });
});
