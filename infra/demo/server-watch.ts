/**
 * Notices that a server has gone. The product waits for it to come back, as it should, and so does not end; but nobody will bring back a server of a
 * demo, and what breaks first on our own side is rarely what explains it.
 */
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import { kafkaAnswers } from "../local/kafka-answers.ts";
import { postgresAnswers } from "../local/postgres-server.ts";
import { registryAnswers } from "../local/registry-server.ts";
import type { Stack } from "../local/stack.ts";

/** A machine with too much to do may take so long to answer. */
const patienceMs = 5000;

export class ServerWatch {
  readonly #stack: Stack;
  /** By server, when it answered last. */
  readonly #answeredAt = new Map<string, number>();

  constructor(stack: Stack) {
    this.#stack = stack;
  }

  /** @throws OfftakeError DEMO_FAILED when one of them has not answered for too long */
  async check(): Promise<void> {
    const silent = await silentServers(this.#stack);
    const now = Date.now();
    for (const [name] of questions) if (!silent.has(name) || !this.#answeredAt.has(name)) this.#answeredAt.set(name, now);
    for (const [name, reason] of silent) {
      if (now - (this.#answeredAt.get(name) ?? now) > patienceMs)
        throw new OfftakeError("DEMO_FAILED", `${name} does not answer any more: ${reason}.`);
    }
  }
}

/** Those that do not answer now, each with the reason. */
export async function silentServers(stack: Stack): Promise<ReadonlyMap<string, string>> {
  const silent = new Map<string, string>();
  await Promise.all(questions.map(async ([name, ask]) => ask(stack).catch((error: unknown) => silent.set(name, messageOf(error)))));
  return silent;
}

const questions: readonly (readonly [name: string, ask: (stack: Stack) => Promise<unknown>])[] = [
  ["The monolith's PostgreSQL", async ({ source }) => postgresAnswers(source.url())],
  ["The services' PostgreSQL", async ({ target }) => postgresAnswers(target.url())],
  ["Kafka", async ({ kafka }) => Promise.all(kafka.brokers.map(async (broker) => kafkaAnswers(broker)))],
  ["The schema registry", async ({ registry }) => registryAnswers(registry.url)],
];
