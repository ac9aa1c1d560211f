import { describe, expect, test } from "vitest";
import { configurationJsonSchema, configurationSchema } from "../../schemas/configuration.ts";

type Schema = ReturnType<typeof configurationJsonSchema>;

/** Every schema that is the value of a key, with the path of that key. */
function keys(schema: Schema, path = ""): [string, Schema][] {
  const found: [string, Schema][] = [];
  const add = (step: string, value: Schema | boolean | undefined) => {
    if (typeof value === "object") found.push([`${path}${step}`, value], ...keys(value, `${path}${step}.`));
  };
  for (const [name, value] of Object.entries(schema.properties ?? {})) add(name, value);
  add("*", schema.additionalProperties);
  for (const branch of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) found.push(...keys(branch, path));
  return found;
}

describe("the JSON Schema for editors", () => {
  const schema = configurationJsonSchema();

  test("is of 2020-12, and titled", () => {
    expect(schema).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema", title: "offtake.yaml", description: expect.any(String) });
  });

  test("describes every key", () => {
    const silent = keys(schema).filter(([path, { description = "" }]) => description === "" && !path.endsWith("*"));
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  test("tells the defaults as they are written", () => {
    const defaults = Object.fromEntries(keys(schema).flatMap(([path, value]) => (value.default === undefined ? [] : [[path, value.default]])));
    expect(defaults).toEqual({
      background: {},
      notifications: {},
      "notifications.webhooks": [],
      "background.healthEvery": "5m",
      "background.validateEvery": "30m",
      "source.maxRetainedWal": "10GiB",
      "kafka.topicPrefix": "offtake",
      "kafka.maxEvent": "64MiB",
      http: {},
      "http.apiKeys": [],
      "http.host": "127.0.0.1",
      "http.port": 8086,
      "connectors.*.failover": false,
      "connectors.*.heartbeat": {},
      "connectors.*.heartbeat.every": "10s",
      "services.*.target.schema": "public",
      "services.*.apply": {},
      "services.*.apply.synchronousCommit": "off",
      "services.*.apply.batchRows": 5000,
      "services.*.apply.batchBytes": "1MiB",
      "services.*.deadLetterTopic": false,
      "services.*.snapshot": {},
      "services.*.snapshot.connections": 2,
      "services.*.tables.*.reconcile.hash": "representation",
      "services.*.tables.*.reconcile.level": "detailed",
      "services.*.tables.*.reconcile.maxMismatchRate": 0,
    });
  });

  test("knows no key but those it names", () => {
    const mappings = [schema, ...keys(schema).map(([, value]) => value)].filter(({ properties }) => properties !== undefined);
    expect(mappings.length).toBeGreaterThan(8);
    for (const { additionalProperties } of mappings) expect(additionalProperties).toBe(false);
  });

  test("marks secrets as what is never shown", () => {
    const secrets = keys(schema).flatMap(([path, value]) => (value.writeOnly === true ? [path] : []));
    expect(secrets).toEqual([
      "source.url",
      "kafka.tls.key",
      "kafka.sasl.password",
      "kafka.sasl.token",
      "registry.url",
      "control.url",
      "services.*.target.url",
    ]);
  });
});

const parsed = (path: string[], value: unknown) => {
  const whole: Record<string, unknown> = {
    mode: "development",
    source: { url: "env:A" },
    kafka: { brokers: ["a:1"] },
    registry: { url: "env:B" },
    control: { url: "env:D" },
    http: {},
    connectors: { c: { service: "s", heartbeat: {} } },
    services: { s: { target: { url: "env:C" }, tables: ["t"], apply: {}, snapshot: {} } },
  };
  let parent: unknown = whole;
  for (const step of path.slice(0, -1)) parent = typeof parent === "object" && parent !== null ? Reflect.get(parent, step) : undefined;
  if (typeof parent !== "object" || parent === null) throw new Error(`There is no ${path.join(".")}`);
  Reflect.set(parent, path.at(-1) ?? "", value);
  return configurationSchema.safeParse(whole).success;
};

describe("limits", () => {
  test.each<[string, unknown[], unknown[]]>([
    ["source.maxRetainedWal", ["16MiB", "1024TiB"], ["15MiB", "1025TiB", "0B", 16]],
    ["kafka.maxEvent", ["64KiB", "96MiB"], ["63KiB", "97MiB"]],
    ["kafka.replicationFactor", [1, 32767], [0, 32768, 1.5, "3", -1]],
    ["http.port", [0, 65535], [-1, 65536]],
    ["connectors.c.heartbeat.every", ["100ms", "1h", "60m"], ["99ms", "61m", "0s", 10]],
    ["services.s.apply.batchRows", [1, 1_000_000], [0, 1_000_001]],
    ["services.s.apply.batchBytes", ["64KiB", "1GiB"], ["1KiB", "2GiB"]],
    ["services.s.apply.synchronousCommit", ["on", "off", true, false], ["local", 1, null]],
    [
      "kafka.brokers",
      [["a:1", "[::1]:65535", "a.b-c:9092"]],
      [[], ["a"], ["a:0"], ["a:65536"], ["a:"], ["::1:9092"], ["a:1,b:2"], ["kafka://a:1"], ["a b:1"], [1], "a:1"],
    ],
    ["connectors.c.slot", ["a", "a_1", "x".repeat(63)], ["A", "a-b", "x".repeat(64), "", 1]],
  ])("%s", (path, good, bad) => {
    for (const value of good) expect([value, parsed(path.split("."), value)]).toEqual([value, true]);
    for (const value of bad) expect([value, parsed(path.split("."), value)]).toEqual([value, false]);
  });
});
