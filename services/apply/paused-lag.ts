/**
 * The lag of a service to which nothing is applied because somebody has paused it: it grows, and is shown to grow. The applier, which measures it at other times, is not
 * there; gauges that stood still would say that the target follows.
 *
 * Wrong, this misleads a graph and nothing else: a look that fails is passed over.
 */
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import { endSession } from "../../connectors/postgres/session.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import type { ApplierContext } from "./applier.ts";
import { type AppliedPosition, readPosition } from "./position.ts";
import { openTargetSession } from "./target-session.ts";
import { readTopicState, type TopicState } from "./topic-state.ts";

/** Milliseconds between two looks. */
const lookMs = 2000;

/** Until it is stopped. Never throws. */
export async function watchPausedLag(context: Omit<ApplierContext, "applying" | "interruption">, signal: AbortSignal): Promise<void> {
  const { configuration, service, log } = context;
  const cluster = new KafkaCluster(configuration.kafka, `offtake-${service.name}-paused`);
  const registry = new Registry(configuration.registry.url);
  try {
    for (;;) {
      try {
        // A queue of dead letters that is replayed meanwhile does not move it, nor does anybody else; but the target may have been away.
        const position = await positionOf(context);
        show(context, position, await readTopicState(cluster, registry, service.topic, position));
      } catch (error) {
        log.debug({ err: error }, "the lag of the paused service was not measured");
      }
      if ((await waitOrStop(lookMs, signal)) === "stopped") return;
    }
  } finally {
    await cluster.close();
  }
}

async function positionOf({ service, connector }: Pick<ApplierContext, "service" | "connector">): Promise<AppliedPosition | undefined> {
  const { client } = await openTargetSession(service);
  try {
    return await readPosition(client, connector);
  } finally {
    await endSession(client);
  }
}

function show(
  { metrics, service }: Pick<ApplierContext, "metrics" | "service">,
  position: AppliedPosition | undefined,
  { start, end, tail, next }: TopicState,
): void {
  const labels = { service: service.name };
  metrics.topicLagEvents.set(labels, Math.max(end - (position?.offset ?? start), 0));
  if (position !== undefined && tail !== undefined) metrics.applyLagBytes.set(labels, Math.max(Number(tail.commitLsn - position.commitLsn), 0));
  metrics.applyLagSeconds.set(labels, next === undefined ? 0 : Math.max(Date.now() - next.micros / 1000, 0) / 1000);
}
