/**
 * The servers that the test files share: started when the first suite that needs them begins, ended with the run.
 *
 * Vitest calls this once for every project of which a file is to run, in one process. It starts what that project needs and is not there yet,
 * so that a run of unit tests starts nothing and a run of `*.pg.test.ts` no Kafka. Tests that stop or kill a server start a stack of their own.
 *
 * OFFTAKE_TEST_SOURCE=16 and OFFTAKE_TEST_TARGET=17 run the same suites on other major versions of PostgreSQL.
 * OFFTAKE_TEST_BACKEND=external runs the same suites on servers of yours: see infra/local/external-servers.ts.
 */
import { randomBytes } from "node:crypto";
import pg from "pg";
import type { TestProject } from "vitest/node";
import type { PostgresServer } from "../../infra/local/postgres-server.ts";
import { type PostgresMajor, postgresMajors } from "../../infra/local/postgres-versions.ts";
import { migrateControl } from "../../services/control/migrate-control.ts";
import { type Backend, type ServerName, type Stack, startStack } from "../../infra/local/stack.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Superusers' connection strings. */
    source: string;
    target: string;
    /** Of a database that all pipelines may have as their control database: their connectors have names of their own. */
    control: string;
    /** host:port of each broker. */
    kafka: string[];
    /** URL of the Confluent API. */
    registry: string;
  }
}

declare global {
  /** Global, since every project loads this file anew. In two stacks, since a run of `*.pg.test.ts` needs only one of them. */
  var offtakeTestStacks: Map<string, Promise<Stack>> | undefined;
  /** The control database, made once. */
  var offtakeTestControl: Promise<string> | undefined;
}

const shared = (globalThis.offtakeTestStacks ??= new Map());

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const databases = sharedStack("source", "target");
  const events = project.name === "pg" ? undefined : sharedStack("kafka", "registry");
  try {
    const { source, target } = await databases;
    project.provide("source", source.url());
    project.provide("target", target.url());
    project.provide("control", await controlOf(target));
    if (events !== undefined) {
      const { kafka, registry } = await events;
      project.provide("kafka", kafka.brokers);
      project.provide("registry", registry.url);
    }
  } catch (error) {
    await stopAll();
    throw error;
  }
  return stopAll;
}

async function sharedStack(...servers: ServerName[]): Promise<Stack> {
  const key = servers.join();
  const postgres = { source: major("OFFTAKE_TEST_SOURCE"), target: major("OFFTAKE_TEST_TARGET") };
  const starting = shared.get(key) ?? startStack({ backend: backend(), servers, postgres, progress });
  shared.set(key, starting);
  return starting;
}

/** One for all: a database for each pipeline would cost the suite half a minute. With its schema, so that no test finds it otherwise than another. */
async function controlOf(target: PostgresServer): Promise<string> {
  globalThis.offtakeTestControl ??= createControl(target);
  return globalThis.offtakeTestControl;
}

async function createControl(target: PostgresServer): Promise<string> {
  const name = `control_${randomBytes(6).toString("hex")}`;
  await target.createDatabase(name);
  const client = new pg.Client(target.url(name));
  await client.connect();
  await migrateControl(client);
  await client.end();
  return target.url(name);
}

async function stopAll(): Promise<void> {
  globalThis.offtakeTestControl = undefined;
  const stacks = [...shared.values()];
  shared.clear();
  for (const starting of await Promise.allSettled(stacks)) if (starting.status === "fulfilled") await starting.value.stop();
}

function progress(line: string): void {
  process.stderr.write(`stack: ${line}\n`);
}

function backend(): Backend {
  const named = process.env["OFFTAKE_TEST_BACKEND"] ?? "local";
  if (named === "local" || named === "containers" || named === "external") return named;
  throw new Error(`OFFTAKE_TEST_BACKEND=${named}: use local, containers or external`);
}

function major(variable: string): PostgresMajor | undefined {
  const named = process.env[variable];
  if (named === undefined) return undefined;
  const found = postgresMajors.find((each) => String(each) === named);
  if (found === undefined) throw new Error(`${variable}=${named}: use one of ${postgresMajors.join(", ")}`);
  return found;
}
