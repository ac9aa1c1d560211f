/**
 * A session that is opened when it is asked for, and again after it was lost: for what runs for long and asks now and then. One that had to be started again
 * after each restart of a server would be off just when somebody looks.
 */
import type { Client } from "pg";
import type { Secret } from "../../services/runtime/secret.ts";
import { endSession, openSession, type SessionOptions } from "./session.ts";

export class LastingSession {
  readonly #url: Secret;
  readonly #options: SessionOptions;
  #opening: Promise<Client> | undefined;

  constructor(url: Secret, options: SessionOptions) {
    this.#url = url;
    this.#options = options;
  }

  /** @throws OfftakeError of openSession */
  async client(): Promise<Client> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<Client> {
    const forget = (): void => {
      this.#opening = undefined;
    };
    try {
      const client = await openSession(this.#url, this.#options);
      // What breaks it is told first; until its end is told, too, it answers nothing any more.
      return client.once("error", forget).once("end", forget);
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
