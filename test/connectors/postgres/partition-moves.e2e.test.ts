/** Partitions that come and go while a connector runs, or is away: what is noticed, what is not taken for a loss, and that the statement of the mark mends the target. */
import { describe, expect, test } from "vitest";
import { readMarks } from "../../../services/apply/needs-copy.ts";
import { check } from "../../../services/cli/check.ts";
import { status } from "../../../services/cli/status.ts";
import { caughtUp, stateOf } from "../../services/apply/same-texts.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/wait-for.ts";

const orders = `CREATE TABLE orders (id int PRIMARY KEY, note text) PARTITION BY RANGE (id); CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (10);
  CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM (10) TO (20)`;

const marks = async ({ target, connector }: Pipeline): Promise<string[]> => (await readMarks(target, connector.name)).map(({ reason }) => reason);

/** Waits until what the target has of the table is what the source's catalogs say now, and so no look is still to come that finds something. */
async function looked({ source, target }: Pipeline): Promise<void> {
  const files = async (): Promise<string> => {
    const { rows } = await source.query<{ files: string }>(
      "SELECT string_agg(relfilenode::text, ',' ORDER BY oid) AS files FROM pg_partition_tree('orders') JOIN pg_class ON oid = relid WHERE isleaf",
    );
    return rows[0]!.files;
  };
  const kept = async (): Promise<string> => {
    const { rows } = await target.query<{ files: string }>(
      "SELECT string_agg(p ->> 'file', ',' ORDER BY (p ->> 'oid')::int8) AS files FROM offtake.captured_table, jsonb_array_elements(shape -> 'partitions') p WHERE table_name = 'public.orders' AND (p ->> 'leaf')::bool",
    );
    return rows[0]!.files;
  };
  await waitFor(async () => (await files()) === (await kept()), { what: "the connector to have looked" });
}

describe("a partitioned table that is captured", () => {
  test("may be truncated, while its connector runs and while it is away, and gets new partitions: nothing is marked", async () => {
    await using pipeline = await createPipeline(orders);
    const { source, target } = pipeline;
    await pipeline.up();
    await using stopped = pipeline.startApplier();
    {
      await using connector = pipeline.startConnector();
      await connector.working;
      await source.query("INSERT INTO orders VALUES (1, 'a'), (11, 'b')");
      await source.query("TRUNCATE orders");
      // It looks at once, although the heartbeat is an hour away: after the next start the stream would not have the TRUNCATE any more.
      await looked(pipeline);
      await connector.stop();
    }
    await source.query("CREATE TABLE orders_3 PARTITION OF orders FOR VALUES FROM (20) TO (30)");
    await source.query("INSERT INTO orders VALUES (2, 'c'), (21, 'd')");
    await source.query("BEGIN; TRUNCATE orders; INSERT INTO orders VALUES (3, 'e'), (22, 'f'); COMMIT");
    await using connector = pipeline.startConnector();
    await connector.working;
    await looked(pipeline);
    expect(await marks(pipeline)).toEqual([]);
    // A target that is partitioned likewise needs a partition for every row that comes.
    expect(await stopped.ended).toMatchObject({ code: "EVENT_NOT_APPLICABLE", message: expect.stringContaining("no partition of relation") });
    await target.query("CREATE TABLE orders_3 PARTITION OF orders FOR VALUES FROM (20) TO (30)");
    await using applier = pipeline.startApplier();
    await caughtUp(pipeline, [connector, applier]);
    expect(await stateOf(target, { orders: "id" })).toEqual(await stateOf(source, { orders: "id" }));
  });

  test("loses the rows of partitions that are truncated or dropped: the marks have the statements that mend the target, and say how to take them away", async () => {
    await using pipeline = await createPipeline(orders, { heartbeatEvery: "1s", tables: { orders: { target: "desk.deals" } } });
    const { source, target, configuration } = pipeline;
    await target.query("CREATE SCHEMA desk; CREATE TABLE desk.deals (note text, id int PRIMARY KEY)");
    await pipeline.up();
    await using applier = pipeline.startApplier();
    await using connector = pipeline.startConnector();
    await Promise.all([applier.working, connector.working]);
    await source.query("CREATE TABLE orders_3 PARTITION OF orders DEFAULT");
    await source.query("INSERT INTO orders SELECT i, 'n' FROM unnest(ARRAY[1, 2, 11, 12, 30, NULL]) i WHERE i IS NOT NULL");
    await caughtUp(pipeline, [connector, applier]);
    await looked(pipeline);
    await source.query("DROP TABLE orders_2");
    await waitFor(async () => (await marks(pipeline)).length > 0, { what: "the mark" });
    await source.query("TRUNCATE orders_1");
    await waitFor(async () => (await marks(pipeline)).some((reason) => reason.includes("orders_1")), { what: "the second reason" });
    const [reason] = await marks(pipeline);
    expect(reason).toMatch(/^its partition public.orders_2 was detached or dropped.*; its partition public.orders_1 was truncated by itself/);
    const shown = (await status(configuration)).text;
    expect(shown).toContain(reason);
    expect(await check(configuration)).toContainEqual(expect.objectContaining({ level: "warning", what: expect.stringContaining(reason!) }));
    const statements = reason!.match(/DELETE FROM .*?;/g)!;
    expect(statements).toHaveLength(2);
    for (const statement of statements) await target.query(statement);
    expect(await stateOf(target, { "(SELECT id, note FROM desk.deals)": "id" }).then(Object.values)).toEqual(
      Object.values(await stateOf(source, { orders: "id" })),
    );
    const unmark = /DELETE FROM offtake.needs_copy .*?;/.exec(shown)![0];
    await target.query(unmark);
    expect((await check(configuration)).filter(({ what }) => what.includes("has to be copied"))).toEqual([]);
    expect(connector.log.filter(({ level, table }) => level === "error" && table === "public.orders").map(({ cure }) => cure)).toEqual([
      expect.stringContaining(unmark),
      expect.stringContaining(unmark),
    ]);
  });

  test("gets a partition without its root's identity: the connector stops, with the statement, and the table is marked", async () => {
    const sql = `CREATE TABLE orders (id int PRIMARY KEY, code int NOT NULL) PARTITION BY RANGE (id); CREATE UNIQUE INDEX orders_code ON orders (code, id);
      ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_code`;
    await using pipeline = await createPipeline(sql, { heartbeatEvery: "1s" });
    const { source } = pipeline;
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await connector.working;
    await source.query("CREATE TABLE orders_1 PARTITION OF orders DEFAULT");
    const error = await connector.ended;
    expect(error).toMatchObject({ code: "TABLE_UNSUITABLE", cure: expect.stringContaining("REPLICA IDENTITY USING INDEX orders_1_code_id_idx;") });
    await source.query(error!.cure);
    expect(await marks(pipeline)).toEqual([
      expect.stringContaining("it has the partition public.orders_1, whose REPLICA IDENTITY is without code of the key"),
    ]);
    await using again = pipeline.startConnector();
    await again.working;
  });

  test("loses a partition that a pattern matches: it is a table of its own from then on, and stops the connector until `up`, which marks both", async () => {
    await using pipeline = await createPipeline(orders, { heartbeatEvery: "1s" });
    const { source } = pipeline;
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await connector.working;
    await source.query("INSERT INTO orders VALUES (1, 'a'), (11, 'b')");
    await source.query("ALTER TABLE orders DETACH PARTITION orders_2");
    expect(await connector.ended).toMatchObject({ code: "PUBLICATION_DIFFERS", message: expect.stringContaining("public.orders_2") });
    expect(await pipeline.up()).toMatchObject({ publication: "extended", notCopied: ["public.orders", "public.orders_2"] });
    expect(await marks(pipeline)).toEqual([
      expect.stringContaining("its partition public.orders_2 was detached"),
      expect.stringContaining("joined the publication"),
    ]);
    await using again = pipeline.startConnector();
    await again.working;
  });
});
