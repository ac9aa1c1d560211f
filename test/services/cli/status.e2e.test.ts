import { afterAll, describe, expect, inject, test } from "vitest";
import { startLocalStack } from "../../../infra/local/stack.ts";
import { status, type StatusAnswer } from "../../../services/cli/status.ts";
import { ExitCode } from "../../../services/cli/terminal.ts";
import { formatLsn } from "../../../connectors/postgres/lsn.ts";
import { readPosition } from "../../../services/apply/position.ts";
import type { Configuration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { running } from "../../support/running-all.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp } from "../apply/same-texts.ts";
import { CliProcess } from "./cli-process.ts";
import { documentedAnswer, namesIn } from "./documentation.ts";

const schema = "CREATE TABLE trades (id int8 PRIMARY KEY, note text); CREATE TABLE users (id int8 PRIMARY KEY)";

/** Nobody listens on port 1. */
const dead = "postgres://me:hunter2@127.0.0.1:1/app";

async function only(configuration: Configuration): Promise<StatusAnswer & { readonly service: StatusAnswer["object"]["services"][number] }> {
  const answer = await status(configuration);
  expect(answer.object.services).toHaveLength(1);
  return { ...answer, service: answer.object.services[0]! };
}

// A monolith of its own: on one that others write to a connector has never received everything.
const own = await startLocalStack({ servers: ["source"], progress: () => {} });
afterAll(async () => own.stop());

/** As it is once the condition holds: what the servers show of a connector's progress comes a moment after it. */
async function statusWhen(pipeline: Pipeline, holds: (answer: Awaited<ReturnType<typeof only>>) => boolean): ReturnType<typeof only> {
  return waitFor(
    async () => {
      const answer = await only(pipeline.configuration);
      return holds(answer) && answer;
    },
    { what: "the status to be so" },
  );
}

describe("offtake status", () => {
  test("before `up`, and of rows that were there before it", async () => {
    await using pipeline = await createPipeline(`${schema}; INSERT INTO users VALUES (1)`);
    const before = await only(pipeline.configuration);
    expect(before.exit).toBe(ExitCode.failed);
    expect(before.service).toMatchObject({
      slot: { word: "missing", active: false, page: true },
      capturedLsn: null,
      appliedLsn: null,
      notCopied: [],
    });
    expect(before.service.errors).toEqual([{ code: "TOPIC_MISSING", message: expect.any(String), cure: expect.stringContaining("offtake up") }]);
    await pipeline.up();
    const after = await only(pipeline.configuration);
    expect(after).toMatchObject({
      exit: ExitCode.done,
      service: { slot: { word: "inactive" }, notCopied: ["public.users"], appliedLsn: null, errors: [] },
    });
    expect(after.text).toContain("trading: not copied, so that rows are missing at the target: public.users");
  });

  test("follows events from the monolith to the topic to the target, and each lag is that of its own stage", async () => {
    await using pipeline = await createPipeline(schema, {
      servers: { source: own.source.url(), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") },
    });
    await pipeline.up();
    const { connector, configuration } = pipeline;
    {
      await using capturing = pipeline.startConnector();
      await using applier = pipeline.startApplier();
      await pipeline.source.query("INSERT INTO trades SELECT i FROM generate_series(1, 3) i");
      await caughtUp(pipeline, [capturing, applier]);
      const { service, text } = await statusWhen(pipeline, (answer) => answer.service.lag.capture.seconds === 0);
      const applied = await readPosition(pipeline.target, connector.name);
      expect(service).toMatchObject({
        service: "trading",
        connector: connector.name,
        slot: { name: connector.slot, word: "ok", reason: "", page: false, active: true },
        capturedLsn: formatLsn(applied!.commitLsn),
        appliedLsn: formatLsn(applied!.commitLsn),
        lag: { apply: { bytes: 0, seconds: 0, events: 0 } },
        topicEnd: applied!.offset,
        appliedOffset: applied!.offset,
        eventsPerSecond: 0,
        errors: [],
      });
      const [head, line, ...notes] = text.split("\n");
      expect(head).toMatch(/^service +slot +capture lag +apply lag +rate +applied$/);
      expect(line).toMatch(/^trading +ok +0 ms \S+ \S+ +0 ms 0 B 0 events +0\/s +[0-9A-F]+\/[0-9A-F]+$/);
      expect(notes).toEqual([`No process runs connector ${connector.name}, applier trading: offtake run`]);
      await applier.stop();

      // The target is left behind, and the topic goes on.
      await pipeline.source.query("INSERT INTO trades SELECT i FROM generate_series(4, 10) i");
      const behind = await statusWhen(pipeline, (answer) => answer.service.lag.apply.events === 7);
      expect(behind.service.lag.apply.bytes).toBeGreaterThan(0);
      expect(behind.service.lag.apply.seconds).toBeGreaterThan(0);
      expect(behind.service.appliedLsn).toBe(service.appliedLsn);
      expect(behind.text).toMatch(/ 7 events /);
      await capturing.stop();
    }
    // Nobody reads: the monolith alone goes on.
    const stopped = await statusWhen(pipeline, (answer) => answer.service.slot.active === false);
    await pipeline.source.query("INSERT INTO trades SELECT i FROM generate_series(11, 2000) i");
    const { service, text, exit } = await only(configuration);
    expect(service.slot).toMatchObject({ word: "inactive", reason: expect.stringMatching(/^no connector reads it; /), active: false });
    expect(service.lag.capture.bytes).toBeGreaterThan(stopped.service.lag.capture.bytes! + 10_000);
    expect(service.lag.capture.seconds).toBeGreaterThan(0);
    expect(service.lag.apply.events).toBe(7);
    expect(text).toContain("inactive, not read");
    expect(exit).toBe(ExitCode.done);
  });

  test("a server that is away hides none of the others", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await using connector = pipeline.startConnector();
    await using applier = pipeline.startApplier();
    await caughtUp(pipeline, [connector, applier]);
    const { configuration, service } = pipeline;
    const lsn = (await only(configuration)).service.appliedLsn;
    const away = {
      source: { ...configuration, source: { ...configuration.source, url: new Secret(dead) } },
      target: { ...configuration, services: [{ ...service, target: { ...service.target, url: new Secret(dead) } }] },
      kafka: { ...configuration, kafka: { ...configuration.kafka, brokers: ["127.0.0.1:1"] } },
    };
    const [source, target, kafka] = await Promise.all([only(away.source), only(away.target), only(away.kafka)]);
    for (const { exit } of [source, target, kafka]) expect(exit).toBe(ExitCode.unreachable);
    expect(source.service).toMatchObject({ slot: { word: "unknown", active: null, retainedBytes: null }, capturedLsn: lsn, appliedLsn: lsn });
    expect(source.service).toMatchObject({
      lag: { capture: { bytes: null, seconds: null }, apply: { events: 0 } },
      errors: [{ code: "SOURCE_UNREACHABLE" }],
    });
    expect(target.service).toMatchObject({ slot: { word: "ok" }, capturedLsn: lsn, appliedLsn: null, errors: [{ code: "TARGET_UNREACHABLE" }] });
    expect(target.service.lag.apply.bytes).toBeNull();
    expect(kafka.service).toMatchObject({ slot: { word: "ok" }, capturedLsn: null, appliedLsn: lsn, errors: [{ code: "KAFKA_UNREACHABLE" }] });
    expect(kafka.service.lag.apply).toEqual({ bytes: null, seconds: null, events: null });
    expect(target.text.split("\n")[1]).toMatch(/ \?$/);
    for (const { text } of [source, target, kafka]) {
      expect(text).toMatch(/^trading: [A-Z]+_UNREACHABLE: .*127\.0\.0\.1:1/m);
      expect(text).not.toContain("hunter2");
    }
  });

  test("an applier that has stopped is seen, with why", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    const { configuration, connector } = pipeline;
    await using all = await running(configuration);
    await pipeline.source.query("INSERT INTO trades VALUES (1)");
    const units = ["applier trading", `connector ${connector.name}`];
    const well = await statusWhen(
      pipeline,
      ({ object, service }) => service.lag.apply.events === 0 && object.units?.every(({ ready }) => ready) === true,
    );
    expect(well.object.units?.map(({ unit }) => unit)).toEqual(expect.arrayContaining(units));
    expect(namesIn(well.object)).toEqual(namesIn(documentedAnswer("status")));
    expect(well.text).not.toMatch(/^applier|No process/m);
    await pipeline.target.query("DROP TABLE trades");
    await pipeline.source.query("INSERT INTO trades VALUES (2)");
    const stopped = await statusWhen(pipeline, ({ text }) => /^applier /m.test(text));
    expect(stopped.text).toMatch(/^applier trading: TARGET_TABLE_MISSING: /m);
    await all.stop();
  });

  test("--watch says it again and again, goes on after its session was ended, and ends with Ctrl-C", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await using watch = new CliProcess(["status", "--watch", "--config", pipeline.file, "--json"]);
    await watch.says(/\n.*\n/, "stdout");
    const { rowCount } = await pipeline.source.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'offtake status' AND datname = current_database()",
    );
    expect(rowCount).toBe(1);
    const lines = watch.stdout.split("\n").length;
    await waitFor(
      () =>
        watch.stdout
          .split("\n")
          .slice(lines)
          .some((line) => line.includes('"errors":[]')),
      { what: "the source to be asked again" },
    );
    const { code, stdout } = await watch.end("SIGINT");
    expect(code).toBe(0);
    for (const line of stdout.trimEnd().split("\n")) expect(JSON.parse(line)).toMatchObject({ services: [{ service: "trading" }] });
  });
});
