import pg from "pg";
import { expect, inject, test, vi } from "vitest";
import { startStack } from "../../../infra/local/stack.ts";
import { uniqueName } from "../../support/databases.ts";

const progress = (): void => undefined;

function nameServers(): void {
  vi.stubEnv("OFFTAKE_EXTERNAL_SOURCE_URL", inject("source"));
  vi.stubEnv("OFFTAKE_EXTERNAL_TARGET_URL", inject("target"));
  vi.stubEnv("OFFTAKE_EXTERNAL_KAFKA", inject("kafka").join(","));
  vi.stubEnv("OFFTAKE_EXTERNAL_REGISTRY", inject("registry"));
}

test("external servers are used and never touched", async () => {
  nameServers();
  const stack = await startStack({ backend: "external", progress });
  expect(stack.source.url()).toBe(inject("source"));
  expect(stack.kafka.brokers).toEqual(inject("kafka"));
  expect(stack.registry.url).toBe(inject("registry"));

  const refused = { code: "STACK_EXTERNAL_NOT_OURS", message: expect.stringContaining("kafka") };
  await expect(stack.kafka.kill()).rejects.toMatchObject(refused);
  await expect(stack.source.stop("fast")).rejects.toMatchObject({ code: "STACK_EXTERNAL_NOT_OURS" });
  await expect(stack.target.kill()).rejects.toMatchObject({ code: "STACK_EXTERNAL_NOT_OURS" });
  await expect(stack.registry.start()).rejects.toMatchObject({ code: "STACK_EXTERNAL_NOT_OURS" });
  expect(() => stack.source.pid).toThrow("external server source");

  await stack.stop();
  const database = uniqueName();
  await stack.target.createDatabase(database);
  const client = new pg.Client({ connectionString: stack.target.url(database) });
  await client.connect();
  await client.end();
  await stack.target.dropDatabase(database);
});

test("an external server that does not answer is named, with its variable", async () => {
  nameServers();
  vi.stubEnv("OFFTAKE_EXTERNAL_KAFKA", "127.0.0.1:1");
  await expect(startStack({ backend: "external", progress })).rejects.toMatchObject({
    code: "STACK_EXTERNAL_INVALID",
    message: expect.stringContaining("OFFTAKE_EXTERNAL_KAFKA: no answer: connect ECONNREFUSED 127.0.0.1:1"),
  });
});
