import { Kafka, logLevel } from "kafkajs";
import pg from "pg";
import { afterAll, expect, test } from "vitest";
import { startStack } from "../../../infra/local/stack.ts";

const stack = await startStack({ backend: "local", progress: () => undefined });
afterAll(() => stack.stop());

async function query(sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: stack.source.url() });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test.each([
  ["stopped", () => stack.source.stop("fast")],
  ["stopped as in a crash", () => stack.source.stop("immediate")],
  ["killed", () => stack.source.kill()],
])("PostgreSQL that was %s comes back with its data, on the same port", async (how, end) => {
  await query("CREATE TABLE IF NOT EXISTS kept (how text)");
  await query(`INSERT INTO kept VALUES ('${how}')`);
  const { port, pid } = stack.source;
  await end();
  await expect(query("SELECT 1")).rejects.toThrow("ECONNREFUSED");
  expect(() => stack.source.pid).toThrow("source is not running");
  await stack.source.start();
  expect(stack.source.port).toBe(port);
  expect(stack.source.pid).not.toBe(pid);
  expect(await query(`SELECT how FROM kept WHERE how = '${how}'`)).toEqual([{ how }]);
});

test("starting what is running does nothing", async () => {
  const { pid } = stack.target;
  await stack.target.start();
  expect(stack.target.pid).toBe(pid);
});

test.each([
  ["stopped", () => stack.kafka.stop()],
  ["killed", () => stack.kafka.kill()],
])("Kafka that was %s comes back with its topics", async (how, end) => {
  const topic = `topic-${how}`;
  const connected = async <T>(work: (admin: ReturnType<Kafka["admin"]>) => Promise<T>): Promise<T> => {
    const admin = new Kafka({ brokers: stack.kafka.brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  };
  await connected((admin) => admin.createTopics({ topics: [{ topic }], waitForLeaders: true }));
  await end();
  await stack.kafka.start();
  expect(await connected((admin) => admin.listTopics())).toContain(topic);
});

test.each([
  ["stopped", () => stack.registry.stop()],
  ["killed", () => stack.registry.kill()],
])("the registry that was %s comes back with its schemas", async (how, end) => {
  const schema = JSON.stringify({ schema: JSON.stringify({ type: "record", name: "r", fields: [] }) });
  const headers = { "content-type": "application/vnd.schemaregistry.v1+json" };
  const posted = await fetch(`${stack.registry.url}/subjects/${how}/versions`, { method: "POST", headers, body: schema });
  expect(posted.status).toBe(200);
  await end();
  await stack.registry.start();
  const subjects: unknown = await (await fetch(`${stack.registry.url}/subjects`)).json();
  expect(subjects).toContain(how);
});
