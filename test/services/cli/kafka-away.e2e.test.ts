import { expect, inject, test } from "vitest";
import { startStack } from "../../../infra/local/stack.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/wait-for.ts";
import { CliProcess } from "./cli-process.ts";
import { readiness } from "./readiness.ts";

test("while Kafka is away, connector and applier are not ready and say why, once and without stacks; they go on by themselves", async () => {
  await using own = await startStack({ backend: "local", servers: ["kafka"], progress: () => {} });
  const servers = { source: inject("source"), target: inject("target"), kafka: own.kafka.brokers, registry: inject("registry") };
  await using pipeline = await createPipeline("CREATE TABLE trades (id int8 PRIMARY KEY)", { servers, heartbeatEvery: "1s" });
  await pipeline.up();
  await using process = new CliProcess(["run", "all", "--http-port", "0", "--config", pipeline.file]);
  const [, http = ""] = await process.says(/"http":"([^"]+)"/);
  await waitFor(async () => (await readiness(http)).ready, { what: "it to be ready" });

  await own.kafka.kill();
  await pipeline.source.query("INSERT INTO trades VALUES (1)");
  const units = await waitFor(
    async () => {
      const answer = await readiness(http);
      // The control process needs no Kafka.
      const needing = answer.units.filter(({ unit }) => unit !== "control");
      return answer.status === 503 && needing.every(({ ready }) => !ready) && needing;
    },
    { what: "it not to be ready" },
  );
  for (const { reason } of units) expect(reason).toMatch(/^for \d+ s: KAFKA_UNREACHABLE: .*127\.0\.0\.1/);
  expect((await fetch(`${http}/healthz`)).status).toBe(200);

  await own.kafka.start();
  await waitFor(async () => (await readiness(http)).ready, { what: "it to be ready again" });
  await waitFor(async () => (await pipeline.target.query("TABLE trades")).rowCount === 1, { what: "the row that was committed meanwhile" });
  const { code, stderr } = await process.end("SIGTERM");
  expect(code).toBe(0);
  const lines = stderr
    .trimEnd()
    .split("\n")
    .map((line): { level: string; unit?: string; msg: string; err?: { code: string; message: string } } => JSON.parse(line));
  const warnings = lines.filter(({ level }) => level === "warn");
  expect(warnings.map(({ unit }) => unit)).toEqual(expect.arrayContaining([`connector ${pipeline.connector.name}`, "applier trading"]));
  const said = warnings.map(({ unit, err }) => `${unit}: ${err?.message}`);
  expect(said).toEqual([...new Set(said)]);
  expect(stderr).not.toContain('"stack"');
  expect(lines.filter(({ msg }) => msg.startsWith("it goes on")).map(({ unit }) => unit)).toHaveLength(2);
});
