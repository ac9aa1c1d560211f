import { afterAll, describe, expect, inject, test } from "vitest";
import { startStack } from "../../../infra/local/stack.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { running } from "../../support/running-all.ts";
import { sessionProxy } from "./session-proxy.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp, stateOf } from "./same-texts.ts";

const monolithSql = "CREATE TABLE trades (id int8 PRIMARY KEY, note text); CREATE TABLE users (id int8 PRIMARY KEY, name text)";
const tables = { trades: "id", users: "id" };

// A broker of this file's own, since it goes away.
const own = await startStack({ backend: "local", servers: ["kafka"], progress: () => {} });
afterAll(() => own.stop());
const servers = { source: inject("source"), target: inject("target"), kafka: own.kafka.brokers, registry: inject("registry") };

async function write({ source }: Pipeline, from: number): Promise<void> {
  for (let id = from; id < from + 20; id += 1) await source.query("INSERT INTO trades VALUES ($1, 'n')", [id]);
  await source.query("UPDATE trades SET note = note || '+' WHERE id % 3 = 0");
}

async function same(pipeline: Pipeline): Promise<void> {
  await caughtUp(pipeline);
  expect(await stateOf(pipeline.target, tables)).toEqual(await stateOf(pipeline.source, tables));
}

describe("an applier comes back by itself", () => {
  test("when its target was away at the start, and in the middle", async () => {
    await using pipeline = await createPipeline(monolithSql, { servers });
    await pipeline.up();
    await using proxy = await sessionProxy(pipeline.targetUrl);
    const [service] = pipeline.configuration.services;
    const proxied = { ...service!, target: { ...service!.target, url: new Secret(proxy.url) } };
    proxy.refuse();
    await using all = await running({ ...pipeline.configuration, services: [proxied] });
    await write(pipeline, 1);
    await waitFor(async () => (await all.reason()).startsWith("TARGET_UNREACHABLE"), { what: "/readyz to say why" });
    expect((await all.readyz()).status).toBe(503);
    proxy.accept();
    await same(pipeline);
    await waitFor(async () => (await all.readyz()).status === 200, { what: "/readyz to be ready" });
    for (let round = 1; round <= 3; round += 1) {
      const load = write(pipeline, round * 100);
      proxy.cut();
      await load;
      proxy.refuse();
      await write(pipeline, round * 100 + 50);
      proxy.accept();
      await same(pipeline);
    }
    expect(await all.stop()).toBe(true);
  });

  test("when Kafka was away, and goes on from the very event", async () => {
    await using pipeline = await createPipeline(monolithSql, { servers });
    await pipeline.up();
    await using all = await running(pipeline.configuration);
    await write(pipeline, 1);
    await same(pipeline);
    for (const how of ["stop", "kill"] as const) {
      const load = write(pipeline, how === "stop" ? 100 : 200);
      await own.kafka[how]();
      await load;
      await write(pipeline, how === "stop" ? 150 : 250);
      await own.kafka.start();
      await same(pipeline);
    }
    expect(await all.stop()).toBe(true);
    expect(all.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("when Kafka was away at the start", async () => {
    await using pipeline = await createPipeline(monolithSql, { servers });
    await pipeline.up();
    await own.kafka.stop();
    await using all = await running(pipeline.configuration);
    await write(pipeline, 1);
    await waitFor(async () => (await all.reason()).startsWith("KAFKA_UNREACHABLE"), { what: "/readyz to say why" });
    await own.kafka.start();
    await same(pipeline);
    expect(await all.stop()).toBe(true);
  });

  test("when the registry was away just as a new table came", async () => {
    await using pipeline = await createPipeline(monolithSql, { servers });
    await pipeline.up();
    await using proxy = await sessionProxy(servers.registry);
    await using connector = pipeline.startConnector();
    await using all = await running({ ...pipeline.configuration, registry: { url: new Secret(proxy.url) } }, "applier");
    await connector.working;
    await write(pipeline, 1);
    await same(pipeline);
    proxy.refuse();
    await pipeline.source.query("INSERT INTO users VALUES (1, 'a')");
    await waitFor(async () => (await all.reason()).startsWith("REGISTRY_UNREACHABLE"), { what: "/readyz to say why" });
    proxy.accept();
    await same(pipeline);
    expect(await all.stop()).toBe(true);
  });
});
