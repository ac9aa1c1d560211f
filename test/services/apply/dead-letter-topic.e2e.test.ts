/** Events that are put aside and published besides, with the applier's process killed between the commit and the topic, and between the topic and the note that it has them. */
import { join } from "node:path";
import { Kafka, logLevel } from "kafkajs";
import { expect, inject, test } from "vitest";
import { Victim } from "../../chaos/victim.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { deleteTopic, testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";

interface Published {
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
}

/** Everything that the topic of dead letters has and gets, read by a client that is not ours. */
async function follow(topic: string): Promise<AsyncDisposable & { readonly records: Published[] }> {
  const records: Published[] = [];
  const consumer = new Kafka({ brokers: inject("kafka"), logLevel: logLevel.NOTHING }).consumer({ groupId: topic });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      await Promise.resolve();
      const headers = Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]));
      records.push({ headers, value: message.value?.toString("hex") ?? "" });
    },
  });
  return { records, [Symbol.asyncDispose]: async () => consumer.disconnect() };
}

interface Row {
  readonly id: string;
  readonly event: string;
  readonly published: boolean;
}

async function letters({ target }: Pipeline): Promise<Row[]> {
  const sql = "SELECT id, encode(event, 'hex') AS event, published_at IS NOT NULL AS published FROM offtake.dead_letter ORDER BY id";
  return (await target.query<Row>(sql)).rows;
}

test("has every dead letter, at least once and in order, wherever the applier dies", async () => {
  await using folder = await temporaryFolder();
  await using pipeline = await createPipeline("CREATE TABLE trades (id int8 PRIMARY KEY, note text)", {
    tables: { trades: { poison: "park" } },
    deadLetterTopic: true,
  });
  await pipeline.up();
  const topic = `${pipeline.service.topic}.dead-letters`;
  const cluster = testCluster();
  await deleteTopic(cluster, topic);
  await cluster.close();
  const { source, target } = pipeline;
  await target.query("ALTER TABLE trades ALTER COLUMN note TYPE varchar(5)");
  await using connector = pipeline.startConnector();
  await connector.working;
  const applier = new Victim(["--config", pipeline.file, "run", "applier", "--http-port", "0"], join(folder.path, "applier.log"));
  try {
    // Committed, and nowhere to publish it to: nothing is held up by that, and nothing is taken for published.
    await source.query("INSERT INTO trades VALUES (1, 'much too long')");
    await waitFor(async () => (await letters(pipeline)).length === 1, { what: "the key to be parked" });
    await source.query("UPDATE trades SET note = 'two' WHERE id = 1");
    await source.query("INSERT INTO trades VALUES (2, 'short')");
    await waitFor(async () => (await target.query("SELECT FROM trades")).rowCount === 1, { what: "what comes behind it" });
    await waitFor(() => applier.lines.some(({ msg }) => msg?.startsWith("dead letters are not published") === true), { what: "a word of it" });
    expect((await letters(pipeline)).map(({ published }) => published)).toEqual([false, false]);
    await applier.kill();

    await pipeline.up({ createTables: false });
    await using reader = await follow(topic);
    const { records } = reader;
    // It is in the topic, and that is not written down.
    await target.query(`
      CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN new; END';
      CREATE TRIGGER wait BEFORE UPDATE OF published_at ON offtake.dead_letter FOR EACH ROW EXECUTE FUNCTION wait()`);
    applier.restart();
    await waitFor(() => records.length === 1, { what: "the first dead letter in the topic" });
    await applier.kill();
    await target.query("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE query LIKE 'UPDATE offtake.dead_letter%'");
    await target.query("DROP FUNCTION wait CASCADE");
    expect((await letters(pipeline)).map(({ published }) => published)).toEqual([false, false]);

    applier.restart();
    await waitFor(async () => (await letters(pipeline)).every(({ published }) => published), { what: "all of them to be published" });
    await waitFor(() => records.length >= 3, { what: "all of them in the topic" });
    const [refused, behind] = await letters(pipeline);
    expect(records.map(({ headers }) => headers["offtake.dead-letter.id"])).toEqual([refused!.id, refused!.id, behind!.id]);
    expect(records.map(({ value }) => value)).toEqual([refused!.event, refused!.event, behind!.event]);
    expect(records[1]?.headers).toMatchObject({
      "offtake.dead-letter.queue": refused!.id,
      "offtake.dead-letter.table": "public.trades",
      "offtake.dead-letter.op": "create",
      "offtake.dead-letter.key": "(id)=(1)",
      "offtake.dead-letter.topic": pipeline.service.topic,
      "offtake.dead-letter.sqlstate": "22001",
      "offtake.dead-letter.error": expect.stringContaining("value too long"),
      "offtake.dead-letter.cure": expect.stringContaining("ALTER TABLE"),
    });
    // What waits behind another has no error of its own.
    expect(records[2]?.headers).toMatchObject({ "offtake.dead-letter.queue": refused!.id, "offtake.dead-letter.op": "update" });
    expect(records[2]?.headers).not.toHaveProperty(["offtake.dead-letter.error"]);
    expect(await applier.stop()).toBe(0);
  } finally {
    await applier.kill();
  }
  await connector.stop();
});
