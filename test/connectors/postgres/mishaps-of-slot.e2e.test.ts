/** What somebody may do to a slot: the connector stops before it publishes anything behind the gap, says what is missing, and starting over mends it. */
import { expect, test } from "vitest";
import { stopsAs } from "../../mishaps/mishaps.ts";
import { mended } from "../../support/start-over.ts";
import { published, recordsIn, released } from "./published-pipeline.ts";

test("slot: it is dropped", async () => {
  await using pipeline = await published();
  const { source, connector } = pipeline;
  const drop = async (): Promise<unknown> => source.query("SELECT pg_drop_replication_slot($1)", [connector.slot]);
  {
    await using running = pipeline.startConnector();
    await running.working;
    await expect(drop()).rejects.toMatchObject({ code: "55006" });
    await running.stop();
  }
  await released(pipeline);
  await drop();
  await using unit = pipeline.startConnector();
  const error = await unit.ended;
  expect(error).toMatchObject({
    ...stopsAs("slot", "it is dropped"),
    message: expect.stringMatching(/is gone: the topic \S+ ends at [0-9A-F]+\/[0-9A-F]+, and what was committed after that is in no stream\.$/),
  });
  await expect(pipeline.up()).rejects.toMatchObject({ code: "SLOT_MISSING", message: error?.message, cure: error?.cure });
  await mended(pipeline, error);
});

test("slot: it is dropped and made again", async () => {
  await using pipeline = await published();
  const { source, connector } = pipeline;
  await source.query("SELECT pg_drop_replication_slot($1)", [connector.slot]);
  await source.query("INSERT INTO t VALUES (4)");
  await source.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [connector.slot]);
  // A second look does not find it mended.
  for (const _ of [1, 2]) {
    await using unit = pipeline.startConnector();
    expect(await unit.ended).toMatchObject(stopsAs("slot", "it is dropped and made again"));
  }
  expect(await recordsIn(pipeline)).toBe(3);
  await using unit = pipeline.startConnector();
  await mended(pipeline, await unit.ended);
});

test("slot: it is advanced by hand", async () => {
  await using pipeline = await published();
  const { source, connector } = pipeline;
  const advance = async (): Promise<unknown> => source.query("SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", [connector.slot]);
  {
    await using running = pipeline.startConnector();
    await running.working;
    await expect(advance()).rejects.toMatchObject({ code: "55006" });
    await running.stop();
  }
  await released(pipeline);
  await source.query("INSERT INTO t VALUES (4)");
  await advance();
  await using unit = pipeline.startConnector();
  expect(await unit.ended).toMatchObject({
    ...stopsAs("slot", "it is advanced by hand"),
    message: expect.stringMatching(/which no connector has confirmed/),
  });
  expect(await recordsIn(pipeline)).toBe(3);
});
