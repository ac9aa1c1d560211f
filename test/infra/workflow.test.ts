/** The workflow for a public forge: it runs what everybody runs, and what needs an engine only where one answers. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

const job = z.object({
  "timeout-minutes": z.number(),
  steps: z.array(
    z.object({
      run: z.string().optional(),
      uses: z.string().optional(),
      if: z.string().optional(),
      env: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

const repository = new URL("../../", import.meta.url);
const workflow = z
  .object({ permissions: z.unknown(), jobs: z.object({ test: job, containers: job }) })
  .parse(parse(readFileSync(new URL(".github/workflows/ci.yml", repository), "utf8")));

test("it runs .ci/run, with no other rights than to read the repository", () => {
  expect(workflow.permissions).toEqual({ contents: "read" });
  expect(workflow.jobs.test.steps.at(-1)).toEqual({ run: ".ci/run" });
  expect(existsSync(new URL(".ci/run", repository))).toBe(true);
});

test("where an engine answers it runs the suites in containers, and the compose file until Offtake is ready", () => {
  const { steps } = workflow.jobs.containers;
  const after = steps.slice(steps.findIndex(({ run }) => run?.includes("docker info") === true) + 1);
  expect(after.filter((step) => step.if?.includes("steps.engine.outputs.answers == 'yes'") !== true)).toEqual([]);
  expect(after.find(({ env }) => env?.["OFFTAKE_TEST_BACKEND"] === "containers")?.run).toMatch(/^npm test -- /);
  expect(after.some(({ run }) => run?.includes("docker compose up") === true && run.includes("http://127.0.0.1:8086/readyz"))).toBe(true);
});
