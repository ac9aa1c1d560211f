/**
 * An applier as `run` supervises it: it applies while nobody has paused its service. A paused one is no broken one; it is ready, says what it does not do and since when,
 * and its lag is shown to grow.
 */
import { watchPausedLag } from "../apply/paused-lag.ts";
import type { PauseWatch } from "../control/pause-watch.ts";
import { pausedText } from "../control/pauses.ts";
import type { Configuration, ServiceConfiguration } from "../runtime/configuration.ts";
import type { Log } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { Unit } from "../runtime/supervisor.ts";

export interface ApplierParts {
  readonly configuration: Configuration;
  readonly service: ServiceConfiguration;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly pauses: PauseWatch;
}

export function applierUnit({ configuration, service, log: processLog, metrics, pauses }: ApplierParts): Unit {
  const connector = configuration.connectors.find((each) => each.service === service.name)!.name;
  const name = `applier ${service.name}`;
  const log = processLog.child({ unit: name });
  const context = { configuration, service, connector, log, metrics };
  return {
    name,
    run: async ({ working, interruption }, signal) => {
      const { runApplier } = await import("../apply/applier.ts");
      const pause = await pauses.pauseOf(connector, signal);
      const work = async (turn: AbortSignal): Promise<void> => {
        if (pause === undefined) return runApplier({ ...context, applying: working, interruption }, turn);
        log.info({ ...pause }, "paused: nothing is applied, and capture goes on");
        working(pausedText(pause));
        await watchPausedLag(context, turn);
      };
      await pauses.workUntil(connector, pause === undefined ? "paused" : "resumed", work, signal);
    },
  };
}
