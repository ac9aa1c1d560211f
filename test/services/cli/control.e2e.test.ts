import { readFile, writeFile } from "node:fs/promises";
import { inject, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { withControl } from "../../../services/control/control-session.ts";
import { type Job, type JobOrder, readJobs, requestJob } from "../../../services/control/jobs.ts";
import { readUnitReports } from "../../../services/control/unit-reports.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { running } from "../../support/running-all.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp } from "../apply/same-texts.ts";
import { CliProcess, lastObject } from "./cli-process.ts";
import { readiness } from "./readiness.ts";

const schema = "CREATE TABLE trades (id int8 PRIMARY KEY, note text)";

async function ordered(pipeline: Pipeline, order: Pick<JobOrder, "kind" | "arguments">): Promise<string> {
  const whole = { ...order, connector: pipeline.connector.name, service: "trading", requestedBy: "ada" };
  return withControl(pipeline.configuration.control.url, "test", async (control) => (await requestJob(control, whole)).id);
}

async function jobWhen(pipeline: Pipeline, id: string, state: Job["state"]): Promise<Job> {
  const { url } = pipeline.configuration.control;
  const read = async (): Promise<Job | undefined> =>
    withControl(url, "test", async (control) => (await readJobs(control, [pipeline.connector.name], id, 1)).find((job) => job.state === state));
  return waitFor(read, { what: `the job to be ${state}` });
}

/** A control database of its own, that only this test's processes know. */
function servers(): { source: string; target: string; kafka: string[]; registry: string } {
  return { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
}

test("jobs are done by the code of their commands, the units of all processes are known, and what it looks at by itself is in the metrics", async () => {
  await using pipeline = await createPipeline(schema);
  await pipeline.up();
  await using all = await running(pipeline.configuration);
  await pipeline.source.query("INSERT INTO trades VALUES (1, 'a'), (2, 'b')");
  await caughtUp(pipeline);
  await pipeline.target.query("UPDATE trades SET note = 'wrong' WHERE id = 2");
  const compared = await jobWhen(
    pipeline,
    await ordered(pipeline, { kind: "reconcile", arguments: { tables: ["trades"], level: "strict" } }),
    "done",
  );
  expect(compared.result).toMatchObject({
    service: "trading",
    reports: [{ verdict: "mismatch", level: "strict", differing: [{ key: { id: "2" } }] }],
  });
  const repaired = await jobWhen(pipeline, await ordered(pipeline, { kind: "repair", arguments: { tables: [] } }), "done");
  expect(repaired.result).toMatchObject({ tables: [{ table: "public.trades", left: { differing: [] } }] });
  expect((await pipeline.target.query("SELECT note FROM trades WHERE id = 2")).rows).toEqual([{ note: "b" }]);
  const failed = await jobWhen(pipeline, await ordered(pipeline, { kind: "reconcile", arguments: { tables: ["nothing"] } }), "failed");
  expect(failed.error).toMatch(/^USAGE: trading has no table public\.nothing/);

  const { control, kafka } = pipeline.configuration;
  const units = await waitFor(
    async () =>
      withControl(control.url, "test", async (session) => {
        const reports = await readUnitReports(session, kafka.topicPrefix);
        return reports.some(({ unit, reason }) => unit === "control" && reason === "acting") && reports;
      }),
    { what: "the units to be known" },
  );
  expect(units.map(({ unit, ready }) => [unit, ready])).toEqual([
    ["applier trading", true],
    [`connector ${pipeline.connector.name}`, true],
    ["control", true],
  ]);
  await waitFor(async () => /offtake_check_findings\{level="fault"\} 0/.test(await (await fetch(`${all.http}/metrics`)).text()), {
    what: "the validation",
  });
  expect(await all.stop()).toBe(true);
  expect(await withControl(control.url, "test", async (session) => readUnitReports(session, kafka.topicPrefix))).toEqual([]);
});

test("killed, it leaves replication as it was, and a job that it was at to the next one; SIGTERM ends it in time", async () => {
  await using pipeline = await createPipeline(schema, { servers: servers() });
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await pipeline.source.query("INSERT INTO trades VALUES (1, 'a')");
  await caughtUp(pipeline, [connector, applier]);
  const args = ["run", "control", "--http-port", "0", "--config", pipeline.file, "--json"];
  // It waits for the table's lock until it is killed.
  await pipeline.source.query("BEGIN; LOCK TABLE trades");
  const id = await ordered(pipeline, { kind: "reconcile", arguments: { tables: [] } });
  {
    await using first = new CliProcess(args);
    await first.says(/"kind":"reconcile"/);
    await jobWhen(pipeline, id, "running");
    first.child.kill("SIGKILL");
    await first.ended;
  }
  await pipeline.source.query("INSERT INTO trades VALUES (2, 'b'); COMMIT");
  await caughtUp(pipeline, [connector, applier]);
  expect((await pipeline.target.query("TABLE trades")).rowCount).toBe(2);
  await using second = new CliProcess(args);
  expect(await jobWhen(pipeline, id, "done")).toMatchObject({ attempts: 2, result: { reports: [{ verdict: "equal" }] } });

  // In the middle of a job, too.
  await pipeline.source.query("BEGIN; LOCK TABLE trades");
  const other = await ordered(pipeline, { kind: "reconcile", arguments: { tables: [] } });
  await jobWhen(pipeline, other, "running");
  const stopped = performance.now();
  const { code, stdout } = await second.end("SIGTERM");
  expect([code, lastObject(stdout)]).toEqual([0, { stopped: true }]);
  expect(performance.now() - stopped).toBeLessThan(10_000);
  await pipeline.source.query("ROLLBACK");
  await jobWhen(pipeline, other, "waiting");
});

test("while the control database is away everything is ready and replicates, and jobs wait", async () => {
  await using pipeline = await createPipeline(schema, { servers: servers() });
  await pipeline.up();
  const url = new URL(pipeline.controlUrl);
  const port = Number(url.port);
  let away = false;
  // Nobody listens on port 1.
  await using proxy = await TcpProxy.start(() => ({ host: url.hostname, port: away ? 1 : port }));
  url.port = String(proxy.port);
  await using all = await running({ ...pipeline.configuration, control: { url: new Secret(url.href) } });
  await waitFor(async () => (await all.readyz()).reasons["control"] === "acting", { what: "it to act" });
  away = true;
  proxy.cut();
  const cannotAsk = async (): Promise<boolean> =>
    (await all.readyz()).reasons["control"]?.startsWith("acting, and cannot ask: CONTROL_UNREACHABLE") === true;
  await waitFor(cannotAsk, { what: "it to say that it cannot ask" });
  const id = await ordered(pipeline, { kind: "reconcile", arguments: { tables: [] } });
  await pipeline.source.query("INSERT INTO trades VALUES (1, 'a')");
  await caughtUp(pipeline);
  await waitFor(async () => (await all.readyz()).status === 200, { what: "it to be ready" });
  away = false;
  expect((await jobWhen(pipeline, id, "done")).attempts).toBe(1);
  await all.stop();
});

test("a schedule of passes runs in it", async () => {
  await using pipeline = await createPipeline(schema, { tables: { trades: { reconcile: { every: "1h" } } } });
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await pipeline.source.query("INSERT INTO trades VALUES (1, 'a')");
  await caughtUp(pipeline, [connector, applier]);
  const shape = z.looseObject({ background: z.looseObject({}).optional() });
  const written = shape.parse(parse(await readFile(pipeline.file, "utf8")));
  await writeFile(pipeline.file, stringify({ ...written, background: { validateEvery: "10s", healthEvery: "10s" } }));
  await using control = new CliProcess(["run", "control", "--http-port", "0", "--config", pipeline.file]);
  const [, http = ""] = await control.says(/"http":"([^"]+)"/);
  await control.says(/"verdict":"equal"/);
  expect((await readiness(http)).units.map(({ unit }) => unit)).toEqual(["reconciler trading", "control"]);
  await control.end("SIGTERM");
});
