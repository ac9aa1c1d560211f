/**
 * How far a target is behind the monolith, as time: the age of the oldest heartbeat that is written at the source and not applied. Both ends of it are read on the clock of this process, since
 * the clocks of two machines differ by more than a lag that is worth an alert. A target that does not answer is as far behind as it was, and a look longer.
 */
import { emitHeartbeat } from "../../connectors/postgres/heartbeat.ts";
import { LastingSession } from "../../connectors/postgres/lasting-session.ts";
import type { Lsn } from "../../connectors/postgres/lsn.ts";
import { sessionError } from "../../connectors/postgres/session.ts";
import { findPosition } from "../apply/position.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../runtime/configuration.ts";

const statementTimeoutMs = 10_000;

/** Heartbeats that are remembered; of more, the oldest is what counts. */
const remembered = 1000;

export class LagProbe {
  readonly #configuration: Configuration;
  readonly #connector: string;
  readonly #source: LastingSession;
  readonly #target: LastingSession;
  readonly #waiting: { readonly lsn: Lsn; readonly at: number }[] = [];

  constructor(configuration: Configuration, connector: ConnectorConfiguration, service: ServiceConfiguration) {
    this.#configuration = configuration;
    this.#connector = connector.name;
    const applicationName = `offtake ${service.name} reconciler`;
    const settings = { synchronous_commit: "local", default_transaction_read_only: "off" };
    this.#source = new LastingSession(configuration.source.url, { side: "source", applicationName, statementTimeoutMs, settings });
    this.#target = new LastingSession(service.target.url, { side: "target", applicationName, statementTimeoutMs });
  }

  /** @returns milliseconds. @throws OfftakeError of the source */
  async measure(): Promise<number> {
    const at = performance.now();
    try {
      this.#waiting.push({ lsn: await emitHeartbeat(await this.#source.client()), at });
    } catch (error) {
      throw sessionError(error, "source", this.#configuration.source.url);
    }
    if (this.#waiting.length > remembered) this.#waiting.splice(1, 1);
    const applied = await this.#applied();
    while (this.#waiting.length > 0 && this.#waiting[0]!.lsn <= applied) this.#waiting.shift();
    // The one that was just written is on its way.
    const oldest = this.#waiting[0];
    return oldest === undefined ? 0 : performance.now() - oldest.at;
  }

  async end(): Promise<void> {
    await Promise.all([this.#source.end(), this.#target.end()]);
  }

  async #applied(): Promise<Lsn> {
    try {
      return (await findPosition(await this.#target.client(), this.#connector))?.commitLsn ?? 0n;
    } catch {
      return 0n;
    }
  }
}
