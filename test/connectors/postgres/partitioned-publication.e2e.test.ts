/** How `up` publishes a partitioned table, and what a publication that was made by hand must be for it to come as a whole. */
import { describe, expect, inject, test } from "vitest";
import { subjectOf, tableNamespace } from "../../../schemas/avro-names.ts";
import { check } from "../../../services/cli/check.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { errorOf } from "../../support/error-of.ts";
import { TopicEvents } from "../../support/topic-events.ts";

const orders = `CREATE TABLE orders (id int PRIMARY KEY, note text) PARTITION BY RANGE (id); CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (10);
  CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM (10) TO (20)`;

describe("a publication with a partitioned table", () => {
  test("is created with publish_via_partition_root, and gets it when the first one joins; other partitions stay tables of their own", async () => {
    await using pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY)");
    const { source, connector } = pipeline;
    expect(await pipeline.up()).toMatchObject({ publication: "created" });
    await source.query(orders);
    expect(await pipeline.up()).toMatchObject({ publication: "extended", notCopied: [] });
    expect((await source.query("SELECT tablename FROM pg_publication_tables WHERE pubname = $1 ORDER BY 1", [connector.publication])).rows).toEqual([
      { tablename: "orders" },
      { tablename: "t" },
    ]);
    expect(await pipeline.up()).toMatchObject({ publication: "present", notCopied: [] });
  });

  test("of which it publishes the partitions is refused, by check and by up, until ALTER PUBLICATION", async () => {
    await using pipeline = await createPipeline(orders);
    const { source, connector } = pipeline;
    await source.query(`CREATE PUBLICATION ${connector.publication} FOR TABLE orders`);
    const cure = `ALTER PUBLICATION "${connector.publication}" SET (publish_via_partition_root = true);`;
    expect(await check(pipeline.configuration)).toContainEqual(expect.objectContaining({ level: "fault", cure }));
    await expect(pipeline.up()).rejects.toMatchObject({ code: "PUBLICATION_DIFFERS", cure });
    await source.query(cure);
    expect(await pipeline.up()).toMatchObject({ publication: "present" });
  });

  test("is not told to publish as roots while it holds one of which the partitions are tables of their own", async () => {
    const tables = ["orders", "days_1"];
    const sql = `${orders}; CREATE TABLE days (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE days_1 PARTITION OF days DEFAULT`;
    await using pipeline = await createPipeline(sql, { tables });
    const { source, connector } = pipeline;
    await source.query(`CREATE PUBLICATION ${connector.publication} FOR TABLE days`);
    const refused = await errorOf(pipeline.up());
    expect(refused).toMatchObject({ code: "PUBLICATION_DIFFERS", message: expect.stringContaining("partition public.days_1") });
    await source.query(refused.cure);
    expect(await pipeline.up()).toMatchObject({ publication: "extended" });
  });

  test("says nothing of its partitions: neither a schema in the registry nor a word in the log; rows of one that is detached and published are its own", async () => {
    await using pipeline = await createPipeline(orders, { tables: ["orders"] });
    const { source, connector } = pipeline;
    await pipeline.up();
    await using running = pipeline.startConnector();
    await running.working;
    await source.query("INSERT INTO orders VALUES (1, 'a'), (11, 'b')");
    await source.query("BEGIN; CREATE TABLE orders_3 PARTITION OF orders FOR VALUES FROM (20) TO (30); INSERT INTO orders VALUES (21, 'c'); COMMIT");
    await source.query("ALTER TABLE orders DETACH PARTITION orders_2");
    await source.query(`ALTER PUBLICATION ${connector.publication} ADD TABLE orders_2`);
    await source.query("INSERT INTO orders_2 VALUES (12, 'd')");
    await using topic = new TopicEvents(pipeline);
    const events = await topic.drained();
    expect(events.map((event) => event.after)).toMatchObject([{ id: 1 }, { id: 11 }, { id: 21 }]);
    expect(running.log.filter(({ level }) => level === "warn").map(({ msg }) => msg)).toEqual([
      "left out: the table public.orders_2, which is in the publication and not among the service's tables",
    ]);
    await running.stop();
    expect(await subjectStatuses(pipeline, "orders")).toEqual([200, 200]);
    for (const partition of ["orders_1", "orders_2", "orders_3"]) expect(await subjectStatuses(pipeline, partition)).toEqual([404, 404]);
  });
});

/** What the registry answers for the subjects of a table's keys and events. Not looked up in the list of all subjects: Apicurio's ends at a thousand. */
async function subjectStatuses({ configuration, service }: Pipeline, table: string): Promise<number[]> {
  const namespace = tableNamespace(configuration.kafka.topicPrefix, "public", table);
  const subjects = ["Key", "Envelope"].map((record) => encodeURIComponent(subjectOf(service.topic, `${namespace}.${record}`)));
  return Promise.all(subjects.map(async (subject) => (await fetch(`${inject("registry")}/subjects/${subject}/versions`)).status));
}
