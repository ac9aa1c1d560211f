import { describe, expect, test } from "vitest";
import { kafkaPlan, kafkaVariable, postgresPlan, quarkusVariable, registryPlan } from "../../../infra/containers/container-plan.ts";
import { postgresSettings, registrySettings, serverVersions } from "../../../infra/local/server-settings.ts";

describe("PostgreSQL", () => {
  test("runs in the version and with the settings of the local backend, those of the caller last", () => {
    const { image, command, environment } = postgresPlan({ password: "p", fsync: false, settings: { wal_level: "replica" } });
    expect(image).toBe(`postgres:${serverVersions.postgres}`);
    const settings = command.filter((each) => each.includes("=")).map((each) => each.split(/=(.*)/s).slice(0, 2));
    expect(Object.fromEntries(settings)).toEqual({ ...postgresSettings(false), wal_level: "replica" });
    expect(command.filter((each) => each === "-c")).toHaveLength(settings.length);
    expect(environment["POSTGRES_INITDB_ARGS"]).toContain("--builtin-locale=C.UTF-8");
  });

  test("of an older version has its image, and no locale provider that it does not know", () => {
    const { image, environment } = postgresPlan({ major: 16, password: "p", fsync: false });
    expect(image).toMatch(/^postgres:16\.\d+$/);
    expect(environment["POSTGRES_INITDB_ARGS"]).toBe("--encoding=UTF8 --locale=C --no-sync");
  });
});

test("Kafka has its cluster's identity, its heap and the address that its clients know", () => {
  const { image, environment, port } = kafkaPlan({ clusterId: "c", address: "there:19092" });
  expect([image, port]).toEqual([`apache/kafka:${serverVersions.kafka}`, 9092]);
  expect(environment).toMatchObject({ CLUSTER_ID: "c", KAFKA_HEAP_OPTS: "-Xmx768m", KAFKA_ADVERTISED_LISTENERS: "PLAINTEXT://there:19092" });
});

test("the registry has its settings by Quarkus' names", () => {
  const { image, environment, port } = registryPlan({ "quarkus.log.level": "INFO" });
  expect([image, port]).toEqual([`apicurio/apicurio-registry:${serverVersions.registry}`, 8080]);
  expect(environment).toMatchObject({
    APICURIO_DATASOURCE_URL: registrySettings("/tmp")["apicurio.datasource.url"],
    APICURIO_DATASOURCE_JDBC_INITIAL_SIZE: "1",
    QUARKUS_LOG_LEVEL: "INFO",
    QUARKUS_HTTP_PORT: "8080",
  });
});

test.each([
  ["log.retention.hours", "KAFKA_LOG_RETENTION_HOURS"],
  ["some_thing.with-all", "KAFKA_SOME__THING_WITH___ALL"],
])("Kafka's %s is %s", (property, variable) => {
  expect(kafkaVariable(property)).toBe(variable);
});

test("Quarkus' jdbc.max-size is JDBC_MAX_SIZE", () => {
  expect(quarkusVariable("jdbc.max-size")).toBe("JDBC_MAX_SIZE");
});
