/**
 * Sessions with the control database. A server that is away, or has no schema yet, is told from what Offtake itself does wrong: copies wait for the one, and
 * would wait for the other for ever.
 */
import type { QueryResult, QueryResultRow } from "pg";
import { LastingSession } from "../../connectors/postgres/lasting-session.ts";
import { sessionError, sqlState } from "../../connectors/postgres/session.ts";
import { OfftakeError } from "../runtime/errors.ts";
import type { Secret } from "../runtime/secret.ts";

const statementTimeoutMs = 10_000;

// What a role may have set for its applications must not keep a job from being written down.
const settings = { default_transaction_read_only: "off", default_transaction_isolation: "read committed", idle_session_timeout: "0" };

export class ControlSession {
  readonly #url: Secret;
  readonly #session: LastingSession;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param applicationName as pg_stat_activity shows it */
  constructor(url: Secret, applicationName: string) {
    this.#url = url;
    this.#session = new LastingSession(url, { side: "control", applicationName, statementTimeoutMs, settings });
  }

  /**
   * Those who ask at once are answered one after the other.
   *
   * @throws OfftakeError CONTROL_UNREACHABLE, CONTROL_REFUSED, CONTROL_NOT_PREPARED, SERVER_TOO_OLD
   */
  async query<Row extends QueryResultRow>(text: string, values: readonly unknown[]): Promise<QueryResult<Row>> {
    const answer = this.#turn.then(async () => this.#ask<Row>(text, values));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  async #ask<Row extends QueryResultRow>(text: string, values: readonly unknown[]): Promise<QueryResult<Row>> {
    try {
      const client = await this.#session.client();
      return await client.query<Row>(text, [...values]);
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  async end(): Promise<void> {
    await this.#session.end();
  }

  #errorOf(error: unknown): OfftakeError {
    if (!["42P01", "42703", "3F000"].includes(sqlState(error) ?? "")) return sessionError(error, "control", this.#url);
    return new OfftakeError("CONTROL_NOT_PREPARED", `The control database at ${this.#url.describe()} has no schema offtake of this version.`, {
      cause: error,
      cure: "Run `offtake up`.",
    });
  }
}

/** A session for as long as `work` takes. @param applicationName as pg_stat_activity shows it */
export async function withControl<T>(url: Secret, applicationName: string, work: (control: ControlSession) => Promise<T>): Promise<T> {
  const control = new ControlSession(url, applicationName);
  try {
    return await work(control);
  } finally {
    await control.end();
  }
}
