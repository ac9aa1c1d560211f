/** The units of one process, by what `offtake run` was asked for. Each loads its code when it begins: a process has that of the others only where it runs them. */
import { MeasuredJournal } from "../control/measured-journal.ts";
import type { PauseWatch } from "../control/pause-watch.ts";
import { SnapshotJobs } from "../control/snapshot-jobs.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";
import type { Log } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { Unit } from "../runtime/supervisor.ts";
import { applierUnit } from "./applier-unit.ts";

export type RunKind = "connector" | "applier" | "reconciler" | "control" | "all";

export interface UnitChoice {
  readonly kind: RunKind;
  /** Connectors or services; empty for all. */
  readonly names: readonly string[];
}

export interface UnitParts {
  readonly configuration: Configuration;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly pauses: PauseWatch;
}

/** Whether this process is one of those that control the others: part of `run all`, unless that is of some services. */
export function hasControl({ kind, names }: UnitChoice): boolean {
  return kind === "control" || (kind === "all" && names.length === 0);
}

/** Connectors, appliers and reconcilers. @throws OfftakeError USAGE for a name that the configuration does not have */
export function chooseUnits(parts: UnitParts, { kind, names }: UnitChoice): Unit[] {
  const { configuration } = parts;
  refuseNames(configuration, { kind, names });
  const wanted = (name: string): boolean => names.length === 0 || names.includes(name);
  const isOf = (...kinds: RunKind[]): boolean => kind === "all" || kinds.includes(kind);
  const connectors = !isOf("connector") ? [] : configuration.connectors.filter((each) => wanted(kind === "connector" ? each.name : each.service));
  const services = !isOf("applier") ? [] : configuration.services.filter((each) => wanted(each.name));
  // Of a service that has no schedule there is nothing to do by itself.
  const compared = !isOf("reconciler", "control")
    ? []
    : configuration.services.filter(
        (each) => wanted(each.name) && (kind === "reconciler" || each.tables.some(({ reconcile }) => reconcile !== undefined)),
      );
  return [
    ...connectors.map((connector) => connectorUnit(parts, connector)),
    ...services.map((service) => applierUnit({ ...parts, service })),
    ...compared.map((service) => reconcilerUnit(parts, service)),
  ];
}

function refuseNames({ file, connectors, services }: Configuration, { kind, names }: UnitChoice): void {
  if (kind === "control" && names.length > 0)
    throw new OfftakeError("USAGE", "`offtake run control` takes no names.", { cure: "The control process is of all services." });
  const known = kind === "connector" ? connectors.map((each) => each.name) : services.map((each) => each.name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new OfftakeError("USAGE", `There is no ${kind === "connector" ? "connector" : "service"} ${unknown.join(", ")} in ${file}.`, {
      cure: `It has ${known.join(", ")}.`,
    });
}

function connectorUnit({ configuration, log, metrics }: UnitParts, connector: ConnectorConfiguration): Unit {
  const service = configuration.services.find((each) => each.name === connector.service)!;
  const name = `connector ${connector.name}`;
  return {
    name,
    run: async ({ working, interruption }, signal) => {
      const { runConnector } = await import("../../connectors/postgres/connector.ts");
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
}

function reconcilerUnit({ configuration, log, metrics, pauses }: UnitParts, service: ServiceConfiguration): Unit {
  const connector = configuration.connectors.find((each) => each.service === service.name)!;
  const name = `reconciler ${service.name}`;
  return {
    name,
    run: async ({ working }, signal) => {
      const { runReconciler } = await import("../reconcile/reconciler.ts");
      await runReconciler({ configuration, connector, service, log: log.child({ unit: name }), metrics, pauses, reconciling: working }, signal);
    },
  };
}
