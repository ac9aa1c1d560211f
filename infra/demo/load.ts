/**
 * The load on the monolith: several connections that write side by side, each by its own plan.
 */
import type { Client } from "pg";
import { endSession, openSession } from "../../connectors/postgres/session.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import { budgets, planLoad } from "./load-plan.ts";
import { type Ledger, runPlan } from "./load-session.ts";
import { together } from "./together.ts";

export interface LoadOptions {
  readonly source: Secret;
  readonly seed: number;
  /** Row changes, in all; without it the load goes on until it is stopped. */
  readonly rows?: number | undefined;
  /** In all; without it at full speed. */
  readonly changesPerSecond?: number | undefined;
}

/** Part of what the seed means: with another number it gives other rows. */
const connections = 4;

export class Load {
  readonly ledger: Ledger = { transactions: 0, changes: 0, keyChanges: 0 };
  readonly #options: LoadOptions;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /**
   * Ends with the plan, or with the signal, when every connection has finished its transaction.
   *
   * @throws OfftakeError and errors of pg: the first of any connection; the others are stopped
   */
  async run(signal: AbortSignal): Promise<void> {
    const { source, seed, rows, changesPerSecond } = this.#options;
    const shares = rows === undefined ? undefined : budgets(rows, connections);
    const rate = changesPerSecond === undefined ? undefined : changesPerSecond / connections;
    await together(signal, (stop) =>
      Array.from({ length: connections }, async (_, i) =>
        inSession(source, async (client) => runPlan(client, planLoad(seed, i, shares?.[i]), this.ledger, rate, stop)),
      ),
    );
  }
}

async function inSession(source: Secret, work: (client: Client) => Promise<void>): Promise<void> {
  const settings = { search_path: "public" };
  const options = { side: "source", applicationName: "offtake demo load", statementTimeoutMs: 120_000, settings, pipeline: true } as const;
  const client = await openSession(source, options);
  try {
    await work(client);
  } finally {
    await endSession(client);
  }
}
