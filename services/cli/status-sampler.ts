/** Looks at all services again and again, by the same sessions: what `status` shows once, and the control process to everybody. */
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import { LastingSession } from "../../connectors/postgres/lasting-session.ts";
import { ControlSession } from "../control/control-session.ts";
import { readUnitReports, type UnitReport } from "../control/unit-reports.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { type ReadTables, readTables } from "./read-tables.ts";
import { pipelineOf } from "./service-pipeline.ts";
import { serviceStatus, type ServiceStatus, type StatusSources } from "./service-status.ts";

export interface StatusSample {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly services: readonly ServiceStatus[];
  /** What each process says of its connectors, appliers and reconcilers; undefined where the control database cannot say. */
  readonly units: readonly UnitReport[] | undefined;
}

export class StatusSampler implements AsyncDisposable {
  readonly #sources: Omit<StatusSources, "units">;

  /** @param applicationName as pg_stat_activity shows it */
  constructor(configuration: Configuration, applicationName: string) {
    const source = new LastingSession(configuration.source.url, { side: "source", applicationName, statementTimeoutMs: 10_000, pipeline: true });
    this.#sources = {
      configuration,
      source,
      cluster: new KafkaCluster(configuration.kafka, applicationName.replaceAll(" ", "-")),
      registry: new Registry(configuration.registry.url),
      control: new ControlSession(configuration.control.url, applicationName),
    };
  }

  /** Never throws: what could not be found out is in each service's errors. */
  async sample(): Promise<StatusSample> {
    const { configuration, control } = this.#sources;
    // Before the services, which are judged by it; why it is not known stands in their errors.
    const units = await readUnitReports(control, configuration.kafka.topicPrefix).catch(() => undefined);
    const services = configuration.connectors.map(async (connector) => {
      const service = configuration.services.find((each) => each.name === connector.service)!;
      return serviceStatus({ ...this.#sources, units }, connector, service);
    });
    return { at: Date.now(), services: await Promise.all(services), units };
  }

  /** What is known of one service's tables. Never throws. */
  async tables(name: string): Promise<ReadTables> {
    const { connector, service } = pipelineOf(this.#sources.configuration, name);
    return readTables(this.#sources, connector, service);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { cluster, control, source } = this.#sources;
    await cluster.close();
    await control.end();
    await source.end();
  }
}
