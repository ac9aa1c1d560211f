/**
 * What each container of a stack is made from: image, environment, command, port. The same versions and settings as the local backend's processes.
 *
 * An environment variable that an image does not understand is ignored, and the server then runs with defaults that nobody chose. So the names are
 * made by each image's own rule, and test/infra/containers holds what Kafka's image makes of them against the local backend's settings.
 *
 * Pure. Source: the images' documentation: postgres ("Environment Variables"), apache/kafka ("Docker Image Usage Guide"), Quarkus ("Environment
 * variables").
 */
import { newestPostgres, olderPostgres, type PostgresMajor } from "../local/postgres-versions.ts";
import { kafkaSettings, localeArguments, postgresSettings, registrySettings, serverVersions } from "../local/server-settings.ts";

export interface ContainerPlan {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Instead of the image's own; empty for that. */
  readonly command: readonly string[];
  /** Inside the container. */
  readonly port: number;
}

export interface PostgresPlan {
  /** Default: the newest. */
  readonly major?: PostgresMajor | undefined;
  readonly password: string;
  readonly fsync: boolean;
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

export function postgresPlan({ major = newestPostgres, password, fsync, settings }: PostgresPlan): ContainerPlan {
  // The npm packages call 18.4 18.4.0-beta.17.
  const version = major === newestPostgres ? serverVersions.postgres : olderPostgres[major].replace(/\.0-.*/, "");
  const locale = major < 17 ? localeArguments.slice(0, 2) : localeArguments;
  return {
    image: `postgres:${version}`,
    environment: { POSTGRES_PASSWORD: password, POSTGRES_INITDB_ARGS: [...locale, "--no-sync"].join(" ") },
    command: ["postgres", ...Object.entries({ ...postgresSettings(fsync), ...settings }).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    port: 5432,
  };
}

export interface KafkaPlan {
  /** 16 bytes in base64url. The image has one of its own, which every other cluster would have too. */
  readonly clusterId: string;
  /** host:port as clients outside reach it, which it tells them. */
  readonly address: string;
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

export function kafkaPlan({ clusterId, address, settings }: KafkaPlan): ContainerPlan {
  const properties = {
    "node.id": "1",
    listeners: "PLAINTEXT://:9092,CONTROLLER://:9093",
    "advertised.listeners": `PLAINTEXT://${address}`,
    "controller.quorum.voters": "1@localhost:9093",
    // The image's volume: what was written is there when the container starts again.
    "log.dirs": "/var/lib/kafka/data",
    ...kafkaSettings(1),
    ...settings,
  };
  return {
    image: `apache/kafka:${serverVersions.kafka}`,
    environment: {
      CLUSTER_ID: clusterId,
      KAFKA_HEAP_OPTS: "-Xmx768m",
      ...Object.fromEntries(Object.entries(properties).map(([name, value]) => [kafkaVariable(name), value])),
    },
    command: [],
    port: 9092,
  };
}

/** @param settings Apicurio's, over those of the stack */
export function registryPlan(settings: Readonly<Record<string, string>> = {}): ContainerPlan {
  const properties = { "quarkus.http.host": "0.0.0.0", "quarkus.http.port": "8080", ...registrySettings("/tmp"), ...settings };
  return {
    image: `apicurio/apicurio-registry:${serverVersions.registry}`,
    environment: Object.fromEntries(Object.entries(properties).map(([name, value]) => [quarkusVariable(name), value])),
    command: [],
    port: 8080,
  };
}

/** The image reads `_` as a dot, `__` as an underscore and `___` as a hyphen. */
export function kafkaVariable(property: string): string {
  return `KAFKA_${property.replaceAll("_", "__").replaceAll("-", "___").replaceAll(".", "_").toUpperCase()}`;
}

/** Whatever is no letter and no digit is an underscore. */
export function quarkusVariable(property: string): string {
  return property.replaceAll(/[^A-Za-z0-9]/g, "_").toUpperCase();
}
