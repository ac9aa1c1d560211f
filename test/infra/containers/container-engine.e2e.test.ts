/** What the containers backend asks of an engine, on a small one of the test's own. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startStack } from "../../../infra/local/stack.ts";
import { registryPlan } from "../../../infra/containers/container-plan.ts";
import { SmallEngine } from "./small-engine.ts";

let engine: SmallEngine;

beforeAll(async () => {
  engine = await SmallEngine.start();
  vi.stubEnv("DOCKER_HOST", engine.address);
  // The container that removes what a killed process leaves would have to be a real one.
  vi.stubEnv("TESTCONTAINERS_RYUK_DISABLED", "true");
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await engine[Symbol.asyncDispose]();
});

test("a server is made as it is planned, on a port that stays its own, killed and stopped by signals, and removed with its data", async () => {
  const stack = await startStack({ backend: "containers", servers: ["registry"], progress: () => {} });
  const { environment, image, port } = registryPlan();
  const hostPort = new URL(stack.registry.url).port;
  expect(engine.created).toMatchObject({
    Image: image,
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Labels: expect.objectContaining({ "offtake.server": "registry" }),
    HostConfig: { PortBindings: { [`${port}/tcp`]: [{ HostPort: hostPort }] } },
  });
  await stack.registry.kill();
  await expect(fetch(stack.registry.url)).rejects.toThrow("fetch failed");
  await stack.registry.start();
  expect((await fetch(stack.registry.url)).ok).toBe(true);
  await stack.registry.stop();
  await stack.stop();
  expect(engine.asked).toEqual([
    "POST /start",
    "POST /kill?signal=SIGKILL",
    "POST /start",
    "POST /kill?signal=SIGTERM",
    "POST /stop?t=0",
    "DELETE ?v=true",
  ]);
});

test("a server that ends instead of answering is an error with the end of its log, and nothing is left", async () => {
  engine.failing = true;
  await expect(startStack({ backend: "containers", servers: ["registry"], progress: () => {} })).rejects.toMatchObject({
    code: "STACK_SERVER_FAILED",
    message: expect.stringMatching(
      /^registry \(apicurio\/apicurio-registry:.*\) (did not start|does not answer): .*a setting that it does not know/s,
    ),
  });
  expect(engine.asked.at(-1)).toMatch(/^DELETE .*v=true/);
});

test("three brokers are refused before anything is asked of the engine", async () => {
  await expect(startStack({ backend: "containers", brokers: 3, progress: () => {} })).rejects.toMatchObject({ code: "NOT_IN_THIS_VERSION" });
});
