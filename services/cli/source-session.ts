/**
 * The session that `status --watch` has with the monolith: opened when it is asked for, and again after it was lost. A watch that had to be started again
 * after each restart of a server would be off just when somebody looks.
 */
import type { Client } from "pg";
import { endSession, openSession } from "../../connectors/postgres/session.ts";
import type { Secret } from "../runtime/secret.ts";

export class SourceSession {
  readonly #url: Secret;
  #opening: Promise<Client> | undefined;

  constructor(url: Secret) {
    this.#url = url;
  }

  /** @throws OfftakeError SOURCE_UNREACHABLE, SOURCE_REFUSED */
  async client(): Promise<Client> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<Client> {
    const forget = (): void => {
      this.#opening = undefined;
    };
    try {
      const client = await openSession(this.#url, { side: "source", applicationName: "offtake status", statementTimeoutMs: 10_000, pipeline: true });
      return client.once("end", forget);
    } catch (error) {
      forget();
      throw error;
    }
  }

  async end(): Promise<void> {
    const client = await this.#opening?.catch(() => undefined);
    if (client !== undefined) await endSession(client);
  }
}
