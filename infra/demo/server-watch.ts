/**
 * Notices that Kafka or the registry has gone. The product waits for them to come back, as it should, and so does not end; but nobody will bring back
 * a server of a demo. The databases need no watch: the demo has sessions with them, which break.
 */
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import { kafkaAnswers } from "../local/kafka-answers.ts";
import { registryAnswers } from "../local/registry-server.ts";
import type { Stack } from "../local/stack.ts";

/** A machine with too much to do may take so long to answer. */
const patienceMs = 5000;

export class ServerWatch {
  readonly #questions: readonly (readonly [name: string, ask: () => Promise<void>])[];
  /** By name, when it answered last. */
  readonly #answeredAt = new Map<string, number>();

  constructor({ kafka, registry }: Pick<Stack, "kafka" | "registry">) {
    this.#questions = [
      ...kafka.brokers.map((broker) => ["Kafka", async () => kafkaAnswers(broker)] as const),
      ["the schema registry", async () => registryAnswers(registry.url)],
    ];
  }

  /** @throws OfftakeError DEMO_FAILED when one of them has not answered for too long */
  async check(): Promise<void> {
    for (const [name, ask] of this.#questions) {
      try {
        await ask();
        this.#answeredAt.set(name, Date.now());
      } catch (error) {
        const at = this.#answeredAt.get(name) ?? Date.now();
        this.#answeredAt.set(name, at);
        if (Date.now() - at > patienceMs)
          throw new OfftakeError("DEMO_FAILED", `${name} does not answer any more: ${messageOf(error)}.`, { cause: error });
      }
    }
  }
}
