import { userInfo } from "node:os";
import { expect, inject, test } from "vitest";
import { pause, resume } from "../../../services/cli/pause.ts";
import { reconcile } from "../../../services/cli/reconcile.ts";
import { repair } from "../../../services/cli/repair.ts";
import { status } from "../../../services/cli/status.ts";
import { readPasses, type TablePasses } from "../../../services/control/pass-history.ts";
import { withControl } from "../../../services/control/control-session.ts";
import type { Configuration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { errorOf } from "../../support/error-of.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { running, type Running } from "../../support/running-all.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp } from "../apply/same-texts.ts";
import { lastObject, offtake } from "./cli-process.ts";
import { documentedAnswer, namesIn } from "./documentation.ts";

const schema = "CREATE TABLE trades (id int8 PRIMARY KEY)";

async function confirmed({ source, connector }: Pipeline): Promise<bigint> {
  const sql = "SELECT confirmed_flush_lsn - '0/0' AS bytes FROM pg_replication_slots WHERE slot_name = $1";
  return BigInt((await source.query<{ bytes: string }>(sql, [connector.slot])).rows[0]!.bytes);
}

async function metric({ http }: Running, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${http}/metrics`)).text();
  const value = new RegExp(`^${name}\\{service="trading"\\} (\\S+)$`, "m").exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

async function untilPaused(process: Running): Promise<void> {
  await waitFor(async () => (await process.reason()).startsWith("paused by "), { what: "the applier to be paused" });
}

async function count({ target }: Pipeline): Promise<number> {
  return (await target.query("TABLE trades")).rowCount ?? 0;
}

/** Sessions of passes, and of looks at rows that have just changed, with the monolith. */
async function comparing({ source }: Pipeline): Promise<number> {
  const sql = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'offtake reconcile trading'";
  return (await source.query(sql)).rowCount ?? 0;
}

async function passOf({ configuration, connector }: Pipeline): Promise<TablePasses | undefined> {
  return withControl(configuration.control.url, "offtake test", async (control) => (await readPasses(control, connector.name))[0]);
}

function withoutControl(configuration: Configuration): Configuration {
  return { ...configuration, control: { url: new Secret("postgres://me@127.0.0.1:1/app") } };
}

test("a paused service is captured and not applied, over a restart too, and goes on when it is resumed", async () => {
  // A control database of its own, whose audit nobody else writes.
  const servers = { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  await using pipeline = await createPipeline(schema, { servers });
  await pipeline.up();
  {
    await using all = await running(pipeline.configuration);
    await pipeline.source.query("INSERT INTO trades VALUES (1)");
    await caughtUp(pipeline);

    const paused = await offtake(["pause", "trading", "--config", pipeline.file, "--json"]);
    expect([paused.code, lastObject(paused.stdout)]).toEqual([
      0,
      { service: "trading", changed: true, paused: { by: userInfo().username, since: expect.any(String) } },
    ]);
    expect(namesIn(lastObject(paused.stdout))).toEqual(namesIn(documentedAnswer("pause")));
    await untilPaused(all);
    const { status: ready, reasons } = await all.readyz();
    expect([ready, reasons["applier trading"]]).toEqual([200, expect.stringMatching(/^paused by \S+ since 2\S+Z$/)]);
    const before = await confirmed(pipeline);
    await pipeline.source.query("INSERT INTO trades SELECT i FROM generate_series(2, 6) i");
    await waitFor(async () => (await metric(all, "offtake_topic_lag_events")) === 5, { what: "the lag to be shown to grow" });
    expect(await metric(all, "offtake_apply_lag_bytes")).toBeGreaterThan(0);
    expect(await metric(all, "offtake_apply_paused")).toBe(1);
    await waitFor(async () => (await confirmed(pipeline)) > before, { what: "the slot to move on" });
    expect(await count(pipeline)).toBe(1);
    const { object, text } = await status(pipeline.configuration);
    expect(object.services[0]).toMatchObject({ paused: { by: userInfo().username }, lag: { apply: { events: 5 } }, errors: [] });
    expect(text).toMatch(/^trading: paused by \S+ since \S+, and neither applied to nor compared: offtake resume trading$/m);
    expect(await pause(pipeline.configuration, "trading", "somebody else")).toMatchObject({
      object: { changed: false, paused: { by: userInfo().username } },
    });
    expect(await all.stop()).toBe(true);
  }
  {
    await using all = await running(pipeline.configuration);
    await untilPaused(all);
    expect(await count(pipeline)).toBe(1);
    expect((await resume(pipeline.configuration, "trading", "ada")).object).toEqual({ service: "trading", changed: true, paused: null });
    await caughtUp(pipeline);
    expect(await count(pipeline)).toBe(6);
    await waitFor(async () => (await all.reason()) === "working", { what: "the applier to work" });
    await waitFor(async () => (await metric(all, "offtake_apply_paused")) === 0, { what: "the metric" });
    expect((await resume(pipeline.configuration, "trading", "ada")).object.changed).toBe(false);
  }
  const sql = "SELECT who, action, before ->> 'paused' AS before, after ->> 'paused' AS after FROM offtake.audit ORDER BY id";
  const { rows } = await withControl(pipeline.configuration.control.url, "test", async (control) => control.query(sql, []));
  expect(rows).toEqual([
    { who: userInfo().username, action: "pause", before: "false", after: "true" },
    { who: "ada", action: "resume", before: "true", after: "false" },
  ]);
});

test("without the control database an applier applies", async () => {
  await using pipeline = await createPipeline(schema);
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await using applier = await running(withoutControl(pipeline.configuration), "applier");
  await connector.working;
  await pipeline.source.query("INSERT INTO trades VALUES (1)");
  await caughtUp(pipeline);
  await waitFor(async () => (await applier.reason()) === "working", { what: "the applier to work" });
  expect(applier.log.filter(({ err }) => err?.code === "CONTROL_UNREACHABLE")).toHaveLength(1);
});

test("a paused service is not compared, by schedule or by hand, until it is resumed", async () => {
  await using pipeline = await createPipeline(schema, { tables: { trades: { reconcile: { every: "1s" } } } });
  await pipeline.up();
  await using all = await running(pipeline.configuration);
  await waitFor(async () => (await passOf(pipeline))?.verdict === "equal", { what: "a pass" });
  await pause(pipeline.configuration, "trading", "ada");
  await untilPaused(all);
  await pipeline.source.query("INSERT INTO trades VALUES (1)");
  // A pass that went on would wait for the target for a minute.
  const reason = async (): Promise<string> => (await all.readyz()).reasons["reconciler trading"]!;
  await waitFor(async () => /^paused by \S+ since 2\S+Z$/.test(await reason()), { what: "the reconciler to be paused" });
  await waitFor(async () => (await comparing(pipeline)) === 0, { what: "it to let go" });
  await waitFor(() => all.log.some(({ msg }) => msg?.startsWith("paused: its tables are not compared")), { what: "the log to say so" });
  const [terminal, { signal }] = [{ json: true, progress: () => {}, answer: () => {} }, new AbortController()];
  const byHand = [
    async () => reconcile(pipeline.configuration, "trading", [], { level: "detailed", format: "text" }, terminal, signal),
    async () => repair(pipeline.configuration, "trading", [], { dryRun: true, who: "ada" }, terminal, signal),
  ];
  for (const refused of byHand)
    expect(await errorOf(refused())).toMatchObject({ code: "RECONCILE_PAUSED", cure: expect.stringContaining("offtake resume trading") });
  await resume(pipeline.configuration, "trading", "ada");
  const resumedAt = Date.now();
  await waitFor(async () => Date.parse((await passOf(pipeline))!.finishedAt) > resumedAt, { what: "the next pass" });
  expect((await passOf(pipeline))!.verdict).toBe("equal");
  expect(all.log.filter(({ msg }) => msg?.startsWith("paused: its tables are not compared"))).toHaveLength(1);
});
