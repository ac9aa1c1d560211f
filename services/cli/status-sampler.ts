/** Looks at all services again and again, by the same sessions: what `status` shows once, and the control process to everybody. */
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import { LastingSession } from "../../connectors/postgres/lasting-session.ts";
import { ControlSession } from "../control/control-session.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { serviceStatus, type ServiceStatus, type StatusSources } from "./service-status.ts";

export interface StatusSample {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly services: readonly ServiceStatus[];
}

export class StatusSampler implements AsyncDisposable {
  readonly #sources: StatusSources;

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
    const { configuration } = this.#sources;
    const services = configuration.connectors.map(async (connector) => {
      const service = configuration.services.find((each) => each.name === connector.service)!;
      return serviceStatus(this.#sources, connector, service);
    });
    return { at: Date.now(), services: await Promise.all(services) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { cluster, control, source } = this.#sources;
    await cluster.close();
    await control.end();
    await source.end();
  }
}
