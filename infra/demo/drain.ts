/**
 * Waits until everything that was committed at the monolith is at the services: the last thing committed was a probe for each service, and a service
 * gets its transactions in the order of their commits; so when these probes are there, all is. Beyond that, each applied position must have
 * reached the end that its topic had then.
 */
import type { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import type { Configuration } from "../../services/runtime/configuration.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import type { DemoSessions } from "./demo-sessions.ts";
import type { Probes } from "./probes.ts";

/** Nothing moving for so long is not slowness. */
const stalledMs = 30_000;
const everyMs = 20;

/** @throws OfftakeError DEMO_FAILED when nothing moves any more */
export async function drain(
  configuration: Configuration,
  sessions: DemoSessions,
  cluster: KafkaCluster,
  probes: Probes,
  signal: AbortSignal,
): Promise<void> {
  const moving = new Moving();
  while (!signal.aborted) {
    await probes.collect();
    if (probes.allArrived) break;
    moving.check(JSON.stringify([...(await appliedOffsets(sessions))]), "not every probe has arrived");
    await waitOrStop(everyMs, signal);
  }
  const ends = new Map<string, number>();
  for (const { name, topic } of configuration.services) ends.set(name, (await offsetRange(cluster, topic)).end);
  while (!signal.aborted) {
    const applied = await appliedOffsets(sessions);
    const behind = [...ends].filter(([service, end]) => (applied.get(service) ?? 0) < end).map(([service]) => service);
    if (behind.length === 0) return;
    moving.check(JSON.stringify([...applied]), `${behind.join(", ")} not at the topic's end`);
    await waitOrStop(everyMs, signal);
  }
}

/** The next record of its topic that each service will apply. */
async function appliedOffsets({ targets }: DemoSessions): Promise<Map<string, number>> {
  const offsets = new Map<string, number>();
  for (const [service, client] of targets) {
    const { rows } = await client.query<{ next: number }>('SELECT "offset"::float8 AS next FROM offtake.applied_position');
    offsets.set(service, rows[0]?.next ?? 0);
  }
  return offsets;
}

class Moving {
  #seen = "";
  #since = Date.now();

  check(now: string, waitsFor: string): void {
    if (now !== this.#seen) {
      this.#seen = now;
      this.#since = Date.now();
    } else if (Date.now() - this.#since > stalledMs)
      throw new OfftakeError("DEMO_FAILED", `Nothing has been applied for ${stalledMs / 1000} s: ${waitsFor}.`);
  }
}
