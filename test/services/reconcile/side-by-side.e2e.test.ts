/**
 * Pieces that take longer to read than a statement may: read in parts, on either side, each part of the target behind its own part of the source. And none of a target's table that
 * has to be copied, or is another one by now.
 */
import { expect, test } from "vitest";
import type { Client } from "pg";
import { readComparedTable } from "../../../services/reconcile/compared-table.ts";
import { sideBySide } from "../../../services/reconcile/side-by-side.ts";
import { SourceSide } from "../../../services/reconcile/source-side.ts";
import { TargetSide } from "../../../services/reconcile/target-side.ts";
import { mappingOf } from "../../../services/runtime/table-mapping.ts";
import { errorOf } from "../../support/error-of.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { streaming } from "./passing.ts";

const statementTimeoutMs = 300;

/** A piece is a number of rows, of which the source can read eight in time and the target four. */
const upTo = (most: number) => async (client: Client, rows: number) => {
  if (rows > most) await client.query("SELECT pg_sleep(60)");
  return (await client.query<{ now: string }>("SELECT transaction_timestamp()::text AS now")).rows[0]!.now;
};

const unsuitable = (why: string): object => ({ code: "RECONCILE_TABLE_UNSUITABLE", message: expect.stringContaining(why) });

test("a piece is split until its reads are quick enough, and one that cannot be is an error", async () => {
  await using pipeline = await createPipeline("CREATE TABLE t (id int8 PRIMARY KEY)");
  await pipeline.target.query("CREATE TABLE t (id int8 PRIMARY KEY)");
  await using units = new AsyncDisposableStack();
  units.use(await streaming(pipeline));
  const { configuration, connector, service } = pipeline;
  const { signal } = new AbortController();
  const applicationName = "offtake test";
  const source = await SourceSide.open(configuration.source.url, applicationName, statementTimeoutMs);
  units.defer(async () => source.end());
  const { url } = service.target;
  const options = { url, service: service.name, connector: connector.name, applicationName, cluster: source.cluster, stallMs: 20_000, signal };
  const target = await TargetSide.open({ ...options, statementTimeoutMs });
  units.defer(async () => target.end());
  const name = { schema: "public", table: "t" };
  const redact = { columns: new Set<string>(), named: [] };
  const mapping = mappingOf(service, name);
  const table = await readComparedTable(
    async (work) => source.catalog(work),
    async (work) => target.catalog(work),
    name,
    mapping,
    connector.publication,
    redact,
    "representation",
  );

  const read = async (sizes: readonly number[], split: (rows: number) => Promise<number[]>): Promise<{ piece: number; left: string }[]> => {
    async function* pieces(): AsyncGenerator<number, void> {
      yield* sizes;
    }
    const found = [];
    for await (const each of sideBySide({ table, source, target, signal }, pieces(), { left: upTo(8), right: upTo(4), split, ahead: 4 }))
      found.push(each);
    return found;
  };
  const found = await read([2, 16, 3], async (rows) => [rows / 2, rows / 2]);
  expect(found.map(({ piece }) => piece)).toEqual([2, 4, 4, 4, 4, 3]);
  expect(new Set(found.map(({ left }) => left)).size).toBe(6);
  expect(await errorOf(read([16], async () => []))).toMatchObject({ code: "RECONCILE_STALLED" });
  expect(await errorOf(read([5], async () => []))).toMatchObject({ code: "RECONCILE_STALLED" });

  const refused = async (): Promise<unknown> => errorOf(read([2], async () => []));
  await pipeline.target.query("INSERT INTO offtake.needs_copy (connector, table_name, reason) VALUES ($1, 'public.t', 'rows are gone')", [
    connector.name,
  ]);
  expect(await refused()).toMatchObject(unsuitable("it has to be copied: rows are gone"));
  await pipeline.target.query("DELETE FROM offtake.needs_copy");
  expect(await read([2], async () => [])).toHaveLength(1);
  await pipeline.target.query("ALTER TABLE t RENAME TO before; CREATE TABLE t (id int8 PRIMARY KEY)");
  expect(await refused()).toMatchObject(unsuitable("it was made again at the target"));
});
