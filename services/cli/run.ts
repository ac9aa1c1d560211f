/**
 * `offtake run`: connectors, appliers and reconcilers in the foreground, each under a supervisor of its own, until SIGTERM; then what is on the way is finished.
 */
import { runConnector } from "../../connectors/postgres/connector.ts";
import { ControlSession } from "../control/control-session.ts";
import { MeasuredJournal } from "../control/measured-journal.ts";
import { PauseWatch } from "../control/pause-watch.ts";
import { SnapshotJobs } from "../control/snapshot-jobs.ts";
import { Complaints } from "../runtime/complaints.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { startHealthServer } from "../runtime/health-server.ts";
import type { Log } from "../runtime/log.ts";
import { runReconciler } from "../reconcile/reconciler.ts";
import { createMetrics, type Metrics } from "../runtime/metrics.ts";
import { supervise, type Supervised, type Unit } from "../runtime/supervisor.ts";
import { version } from "../runtime/version.ts";
import { applierUnit } from "./applier-unit.ts";

export type RunKind = "connector" | "applier" | "reconciler" | "all";

export interface RunOptions {
  readonly kind: RunKind;
  /** Connectors or services; empty for all. */
  readonly names: readonly string[];
  /** Undefined for http.port of the configuration. */
  readonly httpPort: number | undefined;
}

/**
 * @returns whether every unit was stopped; false when one has given up
 * @throws OfftakeError USAGE, HTTP_PORT_IN_USE, HTTP_ADDRESS_REFUSED, before anything has begun
 */
export async function run(configuration: Configuration, options: RunOptions, log: Log, signal: AbortSignal): Promise<boolean> {
  const metrics = createMetrics(version);
  const control = new ControlSession(configuration.control.url, "offtake run");
  const pauses = pauseWatch(configuration, control, log, metrics);
  const units = chooseUnits(configuration, options, { log, metrics, pauses });
  const supervised: Supervised[] = [];
  const server = await startHealthServer({
    host: configuration.http.host,
    port: options.httpPort ?? configuration.http.port,
    registry: metrics.registry,
    readiness: () => supervised.map((each) => each.readiness()),
  });
  log.info({ version, units: units.map((unit) => unit.name), http: `http://${server.host}:${server.port}` }, "running");
  try {
    // A port that is taken is found out before: what runs beside a command that has failed is stopped by nobody.
    supervised.push(...units.map((unit) => supervise(unit, { log, metrics }, signal)));
    if (units.some(({ name }) => name.startsWith("applier "))) void pauses.run(signal);
    const ended = await Promise.all(supervised.map(async (each) => each.ended));
    return ended.every(Boolean);
  } finally {
    await control.end();
    await server.close();
  }
}

function pauseWatch(configuration: Configuration, control: ControlSession, log: Log, metrics: Metrics): PauseWatch {
  const serviceOf = new Map(configuration.connectors.map(({ name, service }) => [name, service]));
  return new PauseWatch(control, {
    connectors: [...serviceOf.keys()],
    complaints: new Complaints(log, metrics),
    looked: (connector, paused) => metrics.applyPaused.set({ service: serviceOf.get(connector)! }, paused ? 1 : 0),
  });
}

/** @throws OfftakeError USAGE for a name that the configuration does not have */
function chooseUnits(
  configuration: Configuration,
  { kind, names }: RunOptions,
  { log, metrics, pauses }: { readonly log: Log; readonly metrics: Metrics; readonly pauses: PauseWatch },
): Unit[] {
  const known = kind === "connector" ? configuration.connectors.map((each) => each.name) : configuration.services.map((each) => each.name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new OfftakeError("USAGE", `There is no ${kind === "connector" ? "connector" : "service"} ${unknown.join(", ")} in ${configuration.file}.`, {
      cure: `It has ${known.join(", ")}.`,
    });
  const wanted = (name: string): boolean => names.length === 0 || names.includes(name);
  const isOf = (own: RunKind): boolean => kind === own || kind === "all";
  const connectors = !isOf("connector") ? [] : configuration.connectors.filter((each) => wanted(kind === "connector" ? each.name : each.service));
  const services = !isOf("applier") ? [] : configuration.services.filter((each) => wanted(each.name));
  // Of a service that has no schedule there is nothing to do by itself.
  const compared = !isOf("reconciler")
    ? []
    : configuration.services.filter(
        (each) => wanted(each.name) && (kind === "reconciler" || each.tables.some(({ reconcile }) => reconcile !== undefined)),
      );
  return [
    ...connectors.map((connector): Unit => {
      const service = configuration.services.find((each) => each.name === connector.service)!;
      const name = `connector ${connector.name}`;
      return {
        name,
        run: async ({ working, interruption }, signal) => {
          const jobs = new SnapshotJobs(configuration.control.url, `offtake ${connector.name} journal`);
          const journal = new MeasuredJournal(jobs, metrics, service.name);
          try {
            const context = { configuration, connector, service, log: log.child({ unit: name }), metrics, journal, capturing: working, interruption };
            await runConnector(context, signal);
          } finally {
            await journal.close();
          }
        },
      };
    }),
    ...services.map((service) => applierUnit({ configuration, service, log, metrics, pauses })),
    ...compared.map((service): Unit => {
      const connector = configuration.connectors.find((each) => each.service === service.name)!;
      const name = `reconciler ${service.name}`;
      return {
        name,
        run: async ({ working }, signal) =>
          runReconciler({ configuration, connector, service, log: log.child({ unit: name }), metrics, reconciling: working }, signal),
      };
    }),
  ];
}
