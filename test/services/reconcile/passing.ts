/** Passes over a pipeline's tables, and the load that goes on meanwhile. */
import { ControlSession } from "../../../services/control/control-session.ts";
import { PauseWatch } from "../../../services/control/pause-watch.ts";
import { runReconciler } from "../../../services/reconcile/reconciler.ts";
import { reconcileService, type ReconcileOptions } from "../../../services/reconcile/reconcile-service.ts";
import type { Report } from "../../../services/reconcile/report.ts";
import { Complaints } from "../../../services/runtime/complaints.ts";
import type { Pipeline } from "../../support/pipeline.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";

/** Patience of twenty seconds unless told otherwise. @returns a report for each table */
export async function pass({ configuration, connector, service }: Pipeline, options: Partial<ReconcileOptions> = {}): Promise<Report[]> {
  const { signal } = new AbortController();
  const patience = { stallMs: 20_000, unseenMs: 20_000, hotMs: 20_000 };
  const reports: Report[] = [];
  for await (const report of reconcileService({ configuration, connector, service, tables: [], level: "detailed", signal, ...patience, ...options }))
    reports.push(report);
  return reports;
}

/** Connector and applier, until the end of the block. */
export async function streaming(pipeline: Pipeline): Promise<AsyncDisposable> {
  await pipeline.up({ createTables: false });
  const connector = pipeline.startConnector();
  const applier = pipeline.startApplier();
  await applier.working;
  return {
    async [Symbol.asyncDispose]() {
      await applier.stop();
      await connector.stop();
    },
  };
}

/** `offtake run reconciler`, with what its process knows of pauses. */
export function startReconciler({ configuration, connector, service, metrics }: Pipeline): RunningUnit {
  return startUnit(async ({ log, working, signal }) => {
    const control = new ControlSession(configuration.control.url, "offtake test pauses");
    const pauses = new PauseWatch(control, { connectors: [connector.name], complaints: new Complaints(log, metrics), looked: () => {} });
    const over = new AbortController();
    const watching = pauses.run(over.signal);
    try {
      await runReconciler({ configuration, connector, service, log, metrics, pauses, reconciling: working }, signal);
    } finally {
      over.abort();
      await watching;
      await control.end();
    }
  });
}

/** Does it again and again, until the end of the block. */
export function loaded(turn: (i: number) => Promise<void>): AsyncDisposable & { turns: () => number } {
  const stopping = new AbortController();
  let turns = 0;
  const ended = (async () => {
    for (; !stopping.signal.aborted; turns += 1) await turn(turns);
  })();
  ended.catch(() => undefined);
  return {
    turns: () => turns,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}
