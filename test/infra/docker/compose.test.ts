/**
 * docker-compose.yml, checked without a container engine: the same versions and settings as the local stack, addresses that lead somewhere, and Offtake
 * without rights. It says nothing of what the images do with it.
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { kafkaVariable, quarkusVariable } from "../../../infra/containers/container-plan.ts";
import { kafkaSettings, localeArguments, postgresSettings, registrySettings, serverVersions } from "../../../infra/local/server-settings.ts";
import { parseConfiguration } from "../../../services/runtime/configuration.ts";

const service = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  healthcheck: z.strictObject({ test: z.array(z.string()), interval: z.string(), timeout: z.string(), retries: z.number() }).optional(),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.string() })).default({}),
  profiles: z.array(z.string()).optional(),
  restart: z.string().optional(),
  user: z.string().optional(),
  init: z.boolean().optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
});

function fileOf(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
}

const { services, volumes } = z
  .object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) })
  .parse(parse(fileOf("docker-compose.yml"), { merge: true }));
const targets = ["ai-decision", "analytics", "api-gateway", "orchestrator", "trading-engine"];
const offtake = services["offtake"]!;

test("there are the monolith, Kafka, the registry, five targets, Offtake, its own database, Prometheus and Grafana, and every name leads somewhere", () => {
  expect(Object.keys(services).toSorted()).toEqual(
    [...targets, "control", "grafana", "kafka", "offtake", "prometheus", "registry", "source", "up"].toSorted(),
  );
  for (const { depends_on: needs, volumes: mounts } of Object.values(services)) {
    for (const [name, { condition }] of Object.entries(needs)) {
      expect(services).toHaveProperty(name);
      // A server without a check is never healthy, and what waits for that never starts.
      expect(condition).toBe(
        name === "up" ? "service_completed_successfully" : services[name]!.healthcheck === undefined ? "service_started" : "service_healthy",
      );
    }
    for (const mount of mounts) {
      const [from = ""] = mount.split(":");
      expect(from.startsWith("./") ? existsSync(new URL(`../../../${from}`, import.meta.url)) : Object.hasOwn(volumes, from)).toBe(true);
    }
  }
});

test("Prometheus and Grafana are there for those who ask for them, with the rules and the dashboard, and scrape Offtake by the name that the rules have", () => {
  const optional = Object.entries(services).flatMap(([name, { profiles = [] }]) => (profiles.length > 0 ? [[name, profiles]] : []));
  expect(optional).toEqual([
    ["prometheus", ["observability"]],
    ["grafana", ["observability"]],
  ]);
  const prometheus: unknown = parse(fileOf("infra/prometheus/prometheus.yml"));
  expect(prometheus).toMatchObject({
    rule_files: ["/etc/prometheus/offtake.rules.yml"],
    scrape_configs: [{ job_name: "offtake", static_configs: [{ targets: ["offtake:8086"] }] }],
  });
  expect(services["prometheus"]!.volumes).toContain("./infra/prometheus/offtake.rules.yml:/etc/prometheus/offtake.rules.yml:ro");
  const provider: unknown = parse(fileOf("infra/grafana/provisioning/dashboards/offtake.yml"));
  expect(provider).toMatchObject({ providers: [{ options: { path: "/var/lib/grafana/dashboards" } }] });
  const sources: unknown = parse(fileOf("infra/grafana/provisioning/datasources/prometheus.yml"));
  expect(sources).toMatchObject({ datasources: [{ uid: "prometheus", url: "http://prometheus:9090" }] });
});

test("whatever is published is published on this machine only, and on a port of its own", () => {
  const published = Object.values(services).flatMap(({ ports }) => ports);
  const hostPorts = published.map((port) => /^127\.0\.0\.1:(\d+):\d+$/.exec(port)?.[1]);
  expect(hostPorts).not.toContain(undefined);
  expect(new Set(hostPorts).size).toBe(published.length);
});

test.each(["source", ...targets])("%s runs PostgreSQL as the local stack does, but keeps what it has committed", (name) => {
  const { image, command, environment } = services[name]!;
  expect(image).toBe(`postgres:${serverVersions.postgres}`);
  expect(command).toEqual(["postgres", ...Object.entries(postgresSettings(true)).flatMap(([setting, value]) => ["-c", `${setting}=${value}`])]);
  expect(environment["POSTGRES_INITDB_ARGS"]).toBe(localeArguments.join(" "));
});

test("Kafka runs as the local stack's does, with a listener of its own for this machine", () => {
  const { image, environment, ports } = services["kafka"]!;
  expect(image).toBe(`apache/kafka:${serverVersions.kafka}`);
  const settings = kafkaSettings(1);
  const addresses = {
    "node.id": "1",
    listeners: "PLAINTEXT://:9092,HOST://:19092,CONTROLLER://:9093",
    "advertised.listeners": "PLAINTEXT://kafka:9092,HOST://127.0.0.1:19092",
    "controller.quorum.voters": "1@localhost:9093",
    "listener.security.protocol.map": `${settings["listener.security.protocol.map"]},HOST:PLAINTEXT`,
    "log.dirs": "/var/lib/kafka/data",
  };
  const variables = Object.entries({ ...settings, ...addresses }).map(([name, value]) => [kafkaVariable(name), value]);
  const { CLUSTER_ID: clusterId, ...rest } = environment;
  expect(rest).toEqual({ KAFKA_HEAP_OPTS: "-Xmx768m", ...Object.fromEntries(variables) });
  expect(Buffer.from(clusterId!, "base64url")).toHaveLength(16);
  expect(ports).toEqual(["127.0.0.1:19092:19092"]);
});

test("the registry runs as the local stack's does, and keeps its schemas in a volume", () => {
  const { image, environment, volumes: mounts } = services["registry"]!;
  const folder = "/var/lib/registry";
  expect(image).toBe(`apicurio/apicurio-registry:${serverVersions.registry}`);
  const settings = { "quarkus.http.host": "0.0.0.0", "quarkus.http.port": "8080", ...registrySettings(folder) };
  expect(environment).toEqual(Object.fromEntries(Object.entries(settings).map(([name, value]) => [quarkusVariable(name), value])));
  expect(mounts).toEqual([`registry:${folder}`]);
});

function tablesOf(path: string): unknown {
  const { services: all }: { services: Record<string, { tables: string[] }> } = parse(fileOf(path));
  return Object.fromEntries(Object.entries(all).map(([name, { tables }]) => [name, tables]));
}

describe("Offtake", () => {
  test.each(["offtake", "up"])("%s is built here, has a read-only root, no capabilities, and gains none", (name) => {
    expect(services[name]).toMatchObject({
      build: { context: ".", dockerfile: "infra/docker/Dockerfile" },
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      init: true,
    });
  });

  test("its configuration is valid, and its addresses are those of the other services", () => {
    const text = fileOf("infra/docker/offtake.yaml");
    const configuration = parseConfiguration(text, "/etc/offtake/offtake.yaml", offtake.environment);
    const urls = [
      configuration.source.url,
      configuration.registry.url,
      configuration.control.url,
      ...configuration.services.map(({ target }) => target.url),
    ];
    const hosts = [...urls.map((url) => new URL(url.reveal()).host), ...configuration.kafka.brokers];
    expect(hosts.toSorted()).toEqual(
      [...targets.map((name) => `${name}:5432`), "control:5432", "kafka:9092", "registry:8080", "source:5432"].toSorted(),
    );
    expect(configuration.services.map((each) => new URL(each.target.url.reveal()).hostname)).toEqual(configuration.services.map(({ name }) => name));
    expect(new URL(configuration.source.url.reveal()).pathname).toBe(`/${services["source"]!.environment["POSTGRES_DB"]}`);
    expect([configuration.http.host, offtake.ports]).toEqual(["0.0.0.0", [`127.0.0.1:8086:${configuration.http.port}`]]);
  });

  test("it carries the demo's monolith to the demo's services", () => {
    expect(tablesOf("infra/docker/offtake.yaml")).toEqual(tablesOf("infra/demo/offtake.yaml"));
    expect(services["source"]!.volumes).toContain("./infra/demo/monolith.sql:/docker-entrypoint-initdb.d/monolith.sql:ro");
  });

  test("it is healthy when every unit does its work", () => {
    expect(offtake.healthcheck?.test.join(" ")).toContain("http://127.0.0.1:8086/readyz");
  });
});
