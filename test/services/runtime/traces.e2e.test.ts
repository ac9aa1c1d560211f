/** Traces as an SDK gets them: of a process that is started with one, and of one that is not. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { createLog } from "../../../services/runtime/log.ts";
import { openTraces } from "../../../services/runtime/traces.ts";
import { errorOf } from "../../support/error-of.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { waitFor } from "../../support/wait-for.ts";
import { CliProcess } from "../cli/cli-process.ts";

const spanShape = z.object({
  name: z.string(),
  attributes: z.record(z.string(), z.unknown()),
  ms: z.number(),
  status: z.object({ code: z.number() }),
});

test("a process that is started with an SDK records what it applies, compares and works off", async () => {
  await using folder = await temporaryFolder();
  await using pipeline = await createPipeline("CREATE TABLE trades (id int8 PRIMARY KEY, note text)");
  await pipeline.up();
  const file = join(folder.path, "spans");
  const spans = (): z.infer<typeof spanShape>[] =>
    existsSync(file)
      ? readFileSync(file, "utf8")
          .split("\n")
          .slice(0, -1)
          .map((line) => spanShape.parse(JSON.parse(line)))
      : [];
  const sdk = new URL("recorded-traces.js", import.meta.url).href;
  await using run = new CliProcess(["run", "--http-port", "0", "--config", pipeline.file], {
    env: { OFFTAKE_TRACES: "on", NODE_OPTIONS: `--import ${sdk}`, OFFTAKE_TEST_SPANS: file },
  });
  await pipeline.source.query("INSERT INTO trades VALUES (1, 'secret-value'), (2, 'b')");
  const applied = await waitFor(() => spans().find(({ name, attributes }) => name === "offtake apply" && attributes["events"] === 2), {
    what: "the span of the batch",
  });
  expect(applied).toMatchObject({ attributes: { service: "trading" }, status: { code: 0 } });
  expect(applied.ms).toBeGreaterThanOrEqual(0);
  expect(spans().some(({ name }) => name === "offtake start")).toBe(true);
  expect(run.stderr).not.toContain("nobody records");
  expect(readFileSync(file, "utf8")).not.toContain("secret-value");
  await run.end("SIGTERM");
});

test("traces that nobody can record are said, and not left out in silence", async () => {
  const lines: string[] = [];
  const log = createLog({ env: {}, terminal: false, write: (text) => lines.push(text) });
  await openTraces({ OFFTAKE_TRACES: "on" }, log);
  expect(lines.join("")).toContain("nobody records");
  const missing = await errorOf(openTraces({ OFFTAKE_TRACES: "on" }, log, async () => Promise.reject(new Error("no such package"))));
  expect([missing.code, missing.message]).toEqual(["USAGE", expect.stringContaining("@opentelemetry/api is not installed")]);
  expect((await errorOf(openTraces({ OFFTAKE_TRACES: "yes" }, log))).message).toBe("OFFTAKE_TRACES is `yes`: expected on or off.");
  await openTraces({}, log, async () => Promise.reject(new Error("not asked for")));
});
