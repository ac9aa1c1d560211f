/**
 * `offtake run`: connectors, appliers, reconcilers and the control process in the foreground, each under a supervisor of its own, until SIGTERM; then what is on the way is
 * finished.
 */
import { hostname } from "node:os";
import { ControlSession } from "../control/control-session.ts";
import { PauseWatch } from "../control/pause-watch.ts";
import { reportUnits } from "../control/unit-reports.ts";
import { Complaints } from "../runtime/complaints.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { type HealthServer, type Readiness, startHealthServer } from "../runtime/health-server.ts";
import type { Log } from "../runtime/log.ts";
import { createMetrics, type Metrics } from "../runtime/metrics.ts";
import { openTraces } from "../runtime/traces.ts";
import { supervise, type Supervised } from "../runtime/supervisor.ts";
import { version } from "../runtime/version.ts";
import type { Controlling } from "./controlling.ts";
import { chooseUnits, hasControl, type UnitChoice } from "./run-units.ts";

export interface RunOptions extends UnitChoice {
  /** Undefined for http.port of the configuration. */
  readonly httpPort: number | undefined;
}

/**
 * @returns whether every unit was stopped; false when one has given up
 * @throws OfftakeError USAGE, HTTP_PORT_IN_USE, HTTP_ADDRESS_REFUSED, before anything has begun
 */
export async function run(configuration: Configuration, options: RunOptions, log: Log, signal: AbortSignal): Promise<boolean> {
  await openTraces(process.env, log);
  const metrics = createMetrics(version);
  const control = new ControlSession(configuration.control.url, "offtake run");
  const complaints = new Complaints(log, metrics);
  const pauses = pauseWatch(configuration, control, complaints, metrics);
  const units = chooseUnits({ configuration, log, metrics, pauses }, options);
  await using controlling = hasControl(options) ? await openControlling(configuration, log, metrics) : undefined;
  if (controlling !== undefined) units.push(controlling.unit);
  const supervised: Supervised[] = [];
  const readiness = (): Readiness[] => supervised.map((each) => each.readiness());
  const { host, port } = { ...configuration.http, port: options.httpPort ?? configuration.http.port };
  await using server = disposable(await startHealthServer({ host, port, metrics, readiness, rest: controlling?.api.handle }));
  log.info({ version, units: units.map((unit) => unit.name), http: `http://${server.host}:${server.port}` }, "running");
  // A port that is taken is found out before: what runs beside a command that has failed is stopped by nobody.
  supervised.push(...units.map((unit) => supervise(unit, { log, metrics }, signal)));
  const over = new AbortController();
  const beside = [
    units.some(({ name }) => /^(applier|reconciler) /.test(name)) ? pauses.run(over.signal) : Promise.resolve(),
    reportUnits(
      control,
      { installation: configuration.kafka.topicPrefix, process: `${hostname()} ${process.pid}`, readiness, complaints },
      over.signal,
    ),
  ];
  try {
    const ended = await Promise.all(supervised.map(async (each) => each.ended));
    return ended.every(Boolean);
  } finally {
    over.abort();
    await Promise.all(beside);
    await control.end();
  }
}

/** Loaded where it is needed: the API's libraries are 10 MB of a connector or an applier that has none. */
async function openControlling(configuration: Configuration, log: Log, metrics: Metrics): Promise<Controlling> {
  const { Controlling } = await import("./controlling.ts");
  return Controlling.open(configuration, log, metrics);
}

function disposable(server: HealthServer): HealthServer & AsyncDisposable {
  return { ...server, [Symbol.asyncDispose]: async () => server.close() };
}

function pauseWatch(configuration: Configuration, control: ControlSession, complaints: Complaints, metrics: Metrics): PauseWatch {
  const serviceOf = new Map(configuration.connectors.map(({ name, service }) => [name, service]));
  return new PauseWatch(control, {
    connectors: [...serviceOf.keys()],
    complaints,
    looked: (connector, paused) => metrics.applyPaused.set({ service: serviceOf.get(connector)! }, paused ? 1 : 0),
  });
}
