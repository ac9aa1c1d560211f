/**
 * A monolith that has given a slot up, for real, and `offtake up --recover`: what was changed meanwhile is in no stream, and at the target all the same in the end.
 */
import { afterAll, expect, inject, test } from "vitest";
import { KafkaCluster } from "../../../connectors/kafka/cluster.ts";
import { Registry } from "../../../connectors/kafka/registry.ts";
import { formatLsn } from "../../../connectors/postgres/lsn.ts";
import { recoverSlot, type RecoverSteps } from "../../../connectors/postgres/recover-slot.ts";
import { readSlot } from "../../../connectors/postgres/slot.ts";
import { startLocalStack } from "../../../infra/local/stack.ts";
import { readMarks } from "../../../services/apply/needs-copy.ts";
import { readPosition } from "../../../services/apply/position.ts";
import { check } from "../../../services/cli/check.ts";
import { gapReason, markGap } from "../../../services/cli/recover.ts";
import { snapshotStatus } from "../../../services/cli/snapshot.ts";
import { status } from "../../../services/cli/status.ts";
import type { ServiceUp } from "../../../services/cli/up.ts";
import { released } from "../../connectors/postgres/published-pipeline.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { running } from "../../support/running-all.ts";
import { waitFor } from "../../support/wait-for.ts";
import { stateOf } from "../apply/same-texts.ts";
import { documentedAnswer, namesIn } from "./documentation.ts";

// A monolith of this file's own: it gives a slot up as soon as it may.
const own = await startLocalStack({ servers: ["source"], progress: () => {}, settings: { source: { max_slot_wal_keep_size: "1MB" } } });
afterAll(async () => own.stop());

const schema = `CREATE TABLE trades (id int8 PRIMARY KEY, n int, note text);
  ALTER TABLE trades ALTER COLUMN note SET STORAGE EXTERNAL;
  CREATE TABLE users (id int8 PRIMARY KEY, name text)`;
const tables = { trades: "id", users: "id" };
const names = ["public.trades", "public.users"];

async function pipelineOnOwn(): Promise<Pipeline> {
  const servers = { source: own.source.url(), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  return createPipeline(schema, { servers });
}

/** WAL is written until the server has thrown away what the slot needs. */
async function lose(pipeline: Pipeline): Promise<void> {
  const { source, connector } = pipeline;
  await released(pipeline);
  await waitFor(
    async () => {
      await source.query("SELECT pg_logical_emit_message(false, 'test', 'WAL')");
      await source.query("SELECT pg_switch_wal()");
      await source.query("CHECKPOINT");
      return (await readSlot(source, connector.slot))?.walStatus === "lost";
    },
    { what: "the slot to be lost" },
  );
}

async function recover(pipeline: Pipeline): Promise<ServiceUp> {
  return pipeline.up({ createTables: false, recover: pipeline.connector.name });
}

/** Rows of the source that the target has not, or has otherwise, and those that only the target has. */
async function differences(pipeline: Pipeline): Promise<{ missing: string[]; extra: string[] }> {
  const [at, to] = await Promise.all([stateOf(pipeline.source, tables), stateOf(pipeline.target, tables)]);
  const [sources, targets] = [Object.values(at).flat(), Object.values(to).flat()];
  return { missing: sources.filter((row) => !targets.includes(row)), extra: targets.filter((row) => !sources.includes(row)) };
}

/** A run of `up --recover` that dies in one of its steps. */
async function dies(pipeline: Pipeline, at: keyof RecoverSteps | "marker"): Promise<void> {
  const { configuration, connector, service, source, target } = pipeline;
  const cluster = new KafkaCluster(configuration.kafka, "offtake-test");
  const registry = new Registry(configuration.registry.url);
  const killed = new AbortController();
  const context = { configuration, connector, service, cluster, registry, tables: [], signal: killed.signal };
  const steps: RecoverSteps = {
    check: async () => (at === "check" ? Promise.reject(new Error("killed")) : undefined),
    mark: async (loss) => {
      if (at === "mark") throw new Error("killed");
      await markGap(target, context, names, gapReason(loss));
      killed.abort();
      return gapReason(loss);
    },
  };
  await expect(recoverSlot(context, source, names, steps)).rejects.toThrow(at === "marker" ? "Stopped before" : "killed");
  await cluster.close();
}

test("a slot that is lost: status, log and check say what is missing, nothing runs behind the gap, and one command mends it while the stream goes on", async () => {
  await using pipeline = await pipelineOnOwn();
  const { source, target, configuration, connector } = pipeline;
  await pipeline.up();
  {
    await using all = await running(configuration);
    await source.query("INSERT INTO trades SELECT i, 0, repeat('x', CASE i % 10 WHEN 0 THEN 3000 ELSE 20 END) FROM generate_series(1, 2000) i");
    await source.query("INSERT INTO users SELECT i, 'u' || i FROM generate_series(1, 10) i");
    await waitFor(async () => (await differences(pipeline)).missing.length === 0, { what: "the target to be equal" });
    expect(await all.stop()).toBe(true);
  }
  await source.query("UPDATE trades SET n = 1 WHERE id % 7 = 0");
  await source.query("UPDATE trades SET id = id + 10000 WHERE id BETWEEN 100 AND 110");
  await source.query("INSERT INTO trades VALUES (5000, 5, 'in the gap')");
  await source.query("DELETE FROM users WHERE id = 3");
  await source.query("TRUNCATE users; INSERT INTO users SELECT i, 'again' FROM generate_series(1, 5) i");
  await lose(pipeline);

  const command = `offtake up --recover ${connector.name}`;
  const lost = await status(configuration);
  const { slot, capturedLsn } = lost.object.services[0]!;
  expect(slot).toMatchObject({ word: "lost", page: true, active: false });
  expect(slot.reason).toContain(`what was committed after ${capturedLsn} is missing from the topic; mend it with: ${command}`);
  expect(lost.text).toContain(slot.reason);
  expect(await check(configuration)).toContainEqual(
    expect.objectContaining({
      level: "fault",
      what: expect.stringContaining("WAL that the slot needed is gone"),
      cure: expect.stringContaining(command),
    }),
  );
  const refuses = async (code: string): Promise<void> => {
    await using unit = pipeline.startConnector();
    const error = await unit.ended;
    expect(error).toMatchObject({ code, retry: "operator", cure: expect.stringContaining(`\`${command}\``) });
    expect(error!.message).toMatch(/what was committed after that is in no stream|what lies between is in neither/);
  };
  await refuses("SLOT_LOST");
  await refuses("SLOT_LOST");
  await expect(pipeline.up()).rejects.toMatchObject({ code: "SLOT_LOST", cure: expect.stringContaining(command) });

  // Whatever a run dies in, nothing runs behind the gap, and the next one does the rest.
  await dies(pipeline, "check");
  await refuses("SLOT_LOST");
  await dies(pipeline, "mark");
  expect((await status(configuration)).object.services[0]!.slot).toMatchObject({
    word: "moved",
    reason: expect.stringMatching(/ committed between \S+ and \S+ is missing from the topic; mend it with: offtake up --recover /),
  });
  await refuses("SLOT_MOVED");
  await dies(pipeline, "marker");
  await refuses("SLOT_MOVED");
  const reasons = await readMarks(target, connector.name);

  const done = await recover(pipeline);
  expect(done).toMatchObject({ slot: "recovered", topic: "present", notCopied: names });
  expect(namesIn({ services: [{ ...done, tables: undefined }] }).filter((name) => name !== "services[].tables")).toEqual(
    namesIn(documentedAnswer("up")).filter((name) => !name.startsWith("services[].tables")),
  );
  expect(await readMarks(target, connector.name)).toEqual(reasons);
  expect(reasons.map(({ reason }) => reason)).toEqual(
    names.map(() => `what was committed after ${capturedLsn} is in no stream, since the slot was lost`),
  );
  const made = await readSlot(source, connector.slot);
  expect(await recover(pipeline)).toMatchObject({ slot: "present", notCopied: names });
  expect((await readSlot(source, connector.slot))!.confirmedFlush).toBe(made!.confirmedFlush);
  expect((await status(configuration)).object.services[0]!.slot.word).toBe("inactive");

  {
    await using all = await running(configuration);
    await waitFor(
      async () => {
        await source.query("UPDATE trades SET n = n + 1 WHERE id % 50 = 0");
        return (await readMarks(target, connector.name)).length === 0;
      },
      { what: "the marks to go" },
    );
    await source.query("INSERT INTO trades VALUES (6000, 6, 'behind the gap')");
    await source.query("DELETE FROM trades WHERE id = 5000");
    await waitFor(async () => (await differences(pipeline)).missing.length === 0, { what: "every row of the source to be at the target" });
    await waitFor(async () => !(await stateOf(target, tables))["trades"]!.some((row) => row.startsWith("(5000,")), {
      what: "the delete behind the gap",
    });
    // A copy deletes nothing: that is for the reconciler to find.
    const { extra } = await differences(pipeline);
    expect(extra.map((row) => Number(/^\((\d+),/.exec(row)![1])).toSorted((a, b) => a - b)).toEqual([6, 7, 8, 9, 10, ...range(100, 110)]);
    expect(all.log.find(({ msg }) => msg?.startsWith("a gap was passed that is recovered"))).toMatchObject({
      after: capturedLsn,
      until: formatLsn(made!.confirmedFlush),
    });
    const { object } = await snapshotStatus(configuration, "trading", []);
    expect(object.tables.map(({ table, state, requestedBy, verifiedAt }) => [table, state, requestedBy, verifiedAt])).toEqual(
      names.map((table) => [table, "copied", "offtake up --recover", null]),
    );
    expect((await status(configuration)).text).toContain("trading: copied, not yet verified: public.trades, public.users");
    await expect(recover(pipeline)).rejects.toMatchObject({
      code: "SLOT_IN_USE",
      message: expect.stringContaining(`the connector ${connector.name} is running`),
    });
    expect(await all.stop()).toBe(true);
  }
  await released(pipeline);
  const before = await readPosition(target, connector.name);
  await expect(recover(pipeline)).rejects.toMatchObject({
    code: "RECOVERY_NOT_NEEDED",
    retry: "no",
    cure: expect.stringContaining("offtake snapshot start"),
  });
  // Nothing was taken over for it.
  expect(await readPosition(target, connector.name)).toEqual(before);
  expect(await readMarks(target, connector.name)).toEqual([]);
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

test("a slot that is lost before anything was read, and one that is lost again before anything was published", async () => {
  await using pipeline = await pipelineOnOwn();
  const { source, target, configuration, connector } = pipeline;
  await pipeline.up();
  await source.query("INSERT INTO users VALUES (1, 'a')");
  await lose(pipeline);
  expect(await recover(pipeline)).toMatchObject({ slot: "recovered", notCopied: names });
  {
    await using all = await running(configuration);
    await waitFor(async () => (await readMarks(target, connector.name)).length === 0, { what: "the marks to go" });
    expect(await all.stop()).toBe(true);
  }
  await source.query("INSERT INTO users VALUES (2, 'b')");
  await lose(pipeline);
  expect(await recover(pipeline)).toMatchObject({ slot: "recovered" });
  await source.query("INSERT INTO users VALUES (3, 'c')");
  await lose(pipeline);
  expect(await recover(pipeline)).toMatchObject({ slot: "recovered" });
  await using all = await running(configuration);
  await waitFor(async () => (await readMarks(target, connector.name)).length === 0, { what: "the marks to go" });
  await source.query("INSERT INTO users VALUES (4, 'd')");
  await waitFor(async () => (await stateOf(target, tables))["users"]!.length === 4, { what: "the row behind the gaps" });
  expect(await differences(pipeline)).toEqual({ missing: [], extra: [] });
  expect(await all.stop()).toBe(true);
});

test("what cannot be recovered, or is no connector, is refused, and changes nothing", async () => {
  await using pipeline = await pipelineOnOwn();
  await expect(pipeline.up({ createTables: true, recover: "tradign" })).rejects.toMatchObject({
    code: "USAGE",
    cure: `It has ${pipeline.connector.name}.`,
  });
  await expect(pipeline.up({ createTables: true, recover: pipeline.connector.name })).rejects.toMatchObject({
    code: "RECOVERY_NOT_NEEDED",
    cure: expect.stringContaining("without --recover"),
  });
  await pipeline.up();
  await expect(recover(pipeline)).rejects.toMatchObject({ code: "RECOVERY_NOT_NEEDED" });
});
