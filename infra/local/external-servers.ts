/**
 * Servers of somebody else's, named by environment variables, for the same tests and the same demo:
 *
 *   OFFTAKE_EXTERNAL_SOURCE_URL   postgres://user:password@host:port/database of a superuser; wal_level=logical
 *   OFFTAKE_EXTERNAL_TARGET_URL   the same, of the server whose databases are the targets; must not be the source's
 *   OFFTAKE_EXTERNAL_KAFKA        host:port,host:port of brokers without TLS
 *   OFFTAKE_EXTERNAL_REGISTRY     http://host:port/apis/ccompat/v7, or wherever the Confluent API of a schema registry is
 *
 * They are nobody's to stop or kill: whoever asks for that is told so, instead of a test that passes because nothing was killed.
 */
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import { kafkaAnswers } from "./kafka-answers.ts";
import type { KafkaServer } from "./kafka-server.ts";
import { createDatabase, dropDatabase, postgresAnswers, type PostgresServer } from "./postgres-server.ts";
import { registryAnswers, type RegistryServer } from "./registry-server.ts";
import type { ServerName } from "./stack.ts";

export interface ExternalServers {
  source: PostgresServer | undefined;
  target: PostgresServer | undefined;
  kafka: KafkaServer | undefined;
  registry: RegistryServer | undefined;
}

const variables: Record<ServerName, { name: string; expected: string; fits: (value: string) => boolean; answers: (value: string) => Promise<void> }> =
  {
    source: {
      name: "OFFTAKE_EXTERNAL_SOURCE_URL",
      expected: "postgres://user:password@host:port/database",
      fits: isPostgresUrl,
      answers: postgresAnswers,
    },
    target: {
      name: "OFFTAKE_EXTERNAL_TARGET_URL",
      expected: "postgres://user:password@host:port/database",
      fits: isPostgresUrl,
      answers: postgresAnswers,
    },
    kafka: {
      name: "OFFTAKE_EXTERNAL_KAFKA",
      expected: "host:port, or several separated by commas",
      fits: (value) => value.split(",").every((broker) => /^\S+:\d+$/.test(broker)),
      answers: async (value) => void (await Promise.all(value.split(",").map(async (broker) => kafkaAnswers(broker)))),
    },
    registry: {
      name: "OFFTAKE_EXTERNAL_REGISTRY",
      expected: "http://host:port/apis/ccompat/v7",
      fits: (value) => /^https?:\/\/\S+$/.test(value),
      answers: registryAnswers,
    },
  };

/** @throws with every variable that is missing, malformed, or names a server that does not answer */
export async function externalServers(wanted: readonly ServerName[], environment: NodeJS.ProcessEnv = process.env): Promise<ExternalServers> {
  const named = new Map<ServerName, string>();
  const faults: string[] = [];
  for (const server of wanted) {
    const { name, expected, fits } = variables[server];
    const value = environment[name] ?? "";
    if (fits(value)) named.set(server, value);
    else faults.push(value === "" ? `${name} is not set (${expected})` : `${name} is not of the form ${expected}`);
  }
  // Asked only when all are named: their addresses may depend on what is mended next.
  if (faults.length === 0) {
    const asked = await Promise.allSettled([...named].map(([server, value]) => variables[server].answers(value)));
    for (const [i, result] of asked.entries()) {
      const server = wanted[i];
      if (result.status === "rejected" && server !== undefined) faults.push(`${variables[server].name}: no answer: ${messageOf(result.reason)}`);
    }
  }
  if (faults.length > 0) {
    throw new OfftakeError("STACK_EXTERNAL_INVALID", `The external backend cannot be used:\n  ${faults.join("\n  ")}\n`, {
      cure: "Set these variables, or use the local backend.",
    });
  }
  const kafka = named.get("kafka")?.split(",");
  const registry = named.get("registry");
  return {
    source: postgres("source", named.get("source")),
    target: postgres("target", named.get("target")),
    kafka: kafka === undefined ? undefined : kafkaServer(kafka),
    registry: registry === undefined ? undefined : { url: registry, ...notOurs("registry") },
  };
}

function kafkaServer(brokers: string[]): KafkaServer {
  return {
    brokers,
    get nodes(): never {
      throw refusal("kafka", "used node by node");
    },
    ...notOurs("kafka"),
  };
}

function postgres(name: ServerName, url: string | undefined): PostgresServer | undefined {
  if (url === undefined) return undefined;
  return {
    port: Number(new URL(url).port || "5432"),
    get dataFolder(): string {
      throw refusal(name, "its data folder read");
    },
    get pid(): number {
      throw refusal(name, "its process id read");
    },
    url: (database) => {
      const other = new URL(url);
      if (database !== undefined) other.pathname = `/${encodeURIComponent(database)}`;
      return other.href;
    },
    createDatabase: (database) => createDatabase(url, database),
    dropDatabase: (database) => dropDatabase(url, database),
    ...notOurs(name),
  };
}

function notOurs(name: ServerName): { start: () => Promise<void>; stop: () => Promise<void>; kill: () => Promise<void> } {
  const refuse = (what: string) => (): Promise<void> => Promise.reject(refusal(name, what));
  return { start: refuse("started"), stop: refuse("stopped"), kill: refuse("killed") };
}

function refusal(name: ServerName, what: string): OfftakeError {
  return new OfftakeError("STACK_EXTERNAL_NOT_OURS", `The external server ${name} was to be ${what}.`, { cure: "Use the local backend for this." });
}

function isPostgresUrl(value: string): boolean {
  return /^postgres(ql)?:\/\/\S+$/.test(value) && URL.canParse(value);
}
