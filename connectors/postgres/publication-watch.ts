/**
 * Holds a connector's publication against its service's tables, before it captures and at every heartbeat after. What an altered publication leaves out
 * vanishes without any error, so the connector stops; what was out and is in again is marked as not copied.
 *
 * The marks are at the target, and a target that is away holds up no capture: the list is written as soon as it answers.
 *
 * Source: ARCHITECTURE.md, "Connector".
 */
import type { ClientBase } from "pg";
import type { ConnectorConfiguration, ServiceConfiguration } from "../../services/runtime/configuration.ts";
import type { Log } from "../../services/runtime/log.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import { type CapturedTable, recordCaptured } from "./captured-tables.ts";
import { capturedTables, readPublication, refusePublication } from "./publication.ts";
import { serviceTables } from "./service-tables.ts";
import { endSession, openSession, sessionError } from "./session.ts";

export interface PublicationWatchContext {
  readonly connector: ConnectorConfiguration;
  readonly service: ServiceConfiguration;
  readonly log: Log;
}

/** Milliseconds between looks, whatever the heartbeat: a look reads the list of all tables. */
const shortestMs = 1000;

export class PublicationWatch {
  readonly #source: ClientBase;
  readonly #context: PublicationWatchContext;
  readonly #applicationName: string;
  /** The list that the target has. */
  #recorded = "";
  #complained = false;

  constructor(source: ClientBase, context: PublicationWatchContext, applicationName: string) {
    this.#source = source;
    this.#context = context;
    this.#applicationName = applicationName;
  }

  /**
   * @returns how many tables are captured
   * @throws OfftakeError TABLES_UNRESOLVED, PUBLICATION_MISSING, PUBLICATION_DIFFERS
   */
  async look(): Promise<number> {
    const { connector, service } = this.#context;
    // Only its own: another service's table that was dropped is no reason to stop this one.
    const tables = (await serviceTables(this.#source, [service])).get(service.name) ?? [];
    const publication = await readPublication(this.#source, connector.publication);
    await this.#record(capturedTables(refusePublication(connector.publication, publication, tables), tables));
    return tables.length;
  }

  /** Until it is stopped. @throws OfftakeError as look() */
  async run(signal: AbortSignal): Promise<void> {
    const every = Math.max(this.#context.connector.heartbeatEveryMs, shortestMs);
    while ((await waitOrStop(every, signal)) === "elapsed") await this.look();
  }

  async #record(tables: readonly CapturedTable[]): Promise<void> {
    const list = JSON.stringify(tables);
    if (list === this.#recorded) return;
    const { connector, service, log } = this.#context;
    const { url } = service.target;
    try {
      const target = await openSession(url, { side: "target", applicationName: this.#applicationName, statementTimeoutMs: 10_000 });
      try {
        for (const { name, reason } of await recordCaptured(target, connector.name, tables, []))
          log.error({ table: name, reason }, "rows of the table are missing at the target: it has to be copied");
      } finally {
        await endSession(target);
      }
      this.#recorded = list;
      this.#complained = false;
    } catch (error) {
      const err = sessionError(error, "target", url);
      if (!this.#complained)
        log.warn({ err }, "the list of captured tables is not at the target yet: whether one of them was out for a while is not known");
      this.#complained = true;
    }
  }
}
