import { expect, test } from "vitest";
import { readSlot } from "../../../connectors/postgres/slot.ts";
import { check } from "../../../services/cli/check.ts";
import { up } from "../../../services/cli/up.ts";
import { TopicEvents } from "../../support/topic-events.ts";
import { published, released } from "./published-pipeline.ts";

test("a slot that is there becomes a failover slot where it stands, once nobody reads it", async () => {
  await using pipeline = await published();
  const { source, connector, configuration } = pipeline;
  const changed = { ...configuration, connectors: [{ ...connector, failover: true }] };
  const upNow = async (): Promise<unknown> =>
    up(changed, { createTables: false }, { json: true, progress: () => {}, answer: () => {} }, new AbortController().signal);
  expect(await check(changed)).toContainEqual(
    expect.objectContaining({
      level: "fault",
      what: `the slot ${connector.slot} is no failover slot yet`,
      cure: expect.stringContaining("offtake up"),
    }),
  );
  {
    await using running = pipeline.startConnector();
    await running.working;
    await expect(upNow()).rejects.toMatchObject({ code: "SLOT_IN_USE", cure: expect.stringContaining("Stop its connector") });
    await running.stop();
  }
  await released(pipeline);
  const before = await readSlot(source, connector.slot);
  await upNow();
  expect(await readSlot(source, connector.slot)).toMatchObject({ failover: true, confirmedFlush: before?.confirmedFlush });
  expect((await check(changed)).filter(({ what }) => what.includes("no failover slot"))).toEqual([]);
  await using again = pipeline.startConnector();
  await again.working;
  await source.query("INSERT INTO t VALUES (4)");
  await using topic = new TopicEvents(pipeline);
  expect((await topic.drained()).map(({ after }) => after?.["id"])).toEqual([1, 2, 3, 4]);
  await again.stop();
});
