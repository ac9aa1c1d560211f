/**
 * The servers that the test files share: started when the first suite that needs them begins, ended with the run.
 *
 * Vitest calls this once for every project of which a file is to run, in one process. It starts what that project needs and is not there yet,
 * so that a run of unit tests starts nothing and a run of `*.pg.test.ts` no Kafka. Tests that stop or kill a server start a stack of their own.
 *
 * OFFTAKE_TEST_BACKEND=external runs the same suites on servers of yours: see infra/local/external-servers.ts.
 */
import type { TestProject } from "vitest/node";
import { type Backend, type ServerName, type Stack, startStack } from "../../infra/local/stack.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Superusers' connection strings. */
    source: string;
    target: string;
  }
}

const shared = new Map<string, Promise<Stack>>();

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { source, target } = await sharedStack("source", "target");
  project.provide("source", source.url());
  project.provide("target", target.url());
  return stopAll;
}

async function sharedStack(...servers: ServerName[]): Promise<Stack> {
  const key = servers.join();
  const starting = shared.get(key) ?? startStack({ backend: backend(), servers, progress: (line) => process.stderr.write(`stack: ${line}\n`) });
  shared.set(key, starting);
  return starting;
}

async function stopAll(): Promise<void> {
  const stacks = [...shared.values()];
  shared.clear();
  for (const stack of await Promise.all(stacks)) await stack.stop();
}

function backend(): Backend {
  const named = process.env["OFFTAKE_TEST_BACKEND"] ?? "local";
  if (named === "local" || named === "containers" || named === "external") return named;
  throw new Error(`OFFTAKE_TEST_BACKEND=${named}: use local, containers or external`);
}
