/**
 * How long it takes from a commit at the monolith to the commit at a service's database, measured without asking the product.
 *
 * At random moments a probe commits one new row in a table of one of the services. Both servers keep the commit time of every transaction
 * (track_commit_timestamp), so the row's transactions say the two moments afterwards: nobody polls, and nothing is rounded to the interval of a poll.
 * A probe does not wait for the one before it: while the pipeline stands still probes go on, and their wait is part of the figures. The clocks
 * are one, since both servers run on this machine.
 *
 * Source: PostgreSQL documentation, "pg_xact_commit_timestamp".
 */
import type { Client } from "pg";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import type { Ledger } from "./load-session.ts";
import { SeededRandom } from "./seeded-random.ts";

/** A row that a probe writes. Its statements take its key or keys as $1 and, where they need one, the row that it refers to as $2. */
interface Probe {
  readonly insert: string;
  /** Keys and commit times, microseconds since 1970, of those of the keys that are there. */
  readonly find: string;
  readonly key: (number: number) => string;
  readonly refersTo?: "strategy" | "trade";
}

const commitTime = "(extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::float8 AS micros";
const uuidOf = (number: number): string => `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;

/** By service. */
const probes: Readonly<Record<string, Probe>> = {
  "api-gateway": {
    insert: "INSERT INTO users (id, email, full_name, country, password_hash) VALUES ($1::uuid, $1::text || '@probe.example', 'Probe', 'DE', '')",
    find: `SELECT id::text AS key, ${commitTime} FROM users WHERE id = ANY ($1::uuid[])`,
    key: uuidOf,
  },
  orchestrator: {
    insert: "INSERT INTO agent_status (agent, host) VALUES ('probe', $1)",
    find: `SELECT host AS key, ${commitTime} FROM agent_status WHERE agent = 'probe' AND host = ANY ($1::text[])`,
    key: String,
  },
  "trading-engine": {
    insert: "INSERT INTO positions (symbol, strategy_id) VALUES ($1, $2)",
    find: `SELECT symbol::text AS key, ${commitTime} FROM positions WHERE symbol = ANY ($1::varchar[]) AND strategy_id = $2`,
    key: (number) => `PROBE-${number}`,
    refersTo: "strategy",
  },
  "ai-decision": {
    insert: "INSERT INTO ai_decisions (id, strategy_id, model, action, confidence, rationale) VALUES ($1, $2, 'probe', 'hold', 0, '')",
    find: `SELECT id::text AS key, ${commitTime} FROM ai_decisions WHERE id = ANY ($1::uuid[]) AND strategy_id = $2`,
    key: uuidOf,
    refersTo: "strategy",
  },
  analytics: {
    insert: "INSERT INTO ai_trade_outcomes (horizon_minutes, trade_id, label, profit) VALUES ($1, $2, 'flat', 0)",
    find: `SELECT horizon_minutes::text AS key, ${commitTime} FROM ai_trade_outcomes WHERE horizon_minutes = ANY ($1::int[]) AND trade_id = $2`,
    key: String,
    refersTo: "trade",
  },
};

/** One row for each of the nine tables, the position by the trigger on trades; the probes' own rows refer to some of them. */
const openingSql = `
  WITH probing AS (INSERT INTO users (id, email, full_name, country, password_hash) VALUES ($1, 'probe@probe.example', 'Probe', 'DE', '') RETURNING id),
       strategy AS (INSERT INTO strategies (owner_id, code, kind, symbols, source_code, capital)
                    SELECT id, 'PROBE', 'arbitrage', '{PROBE}', '', 1 FROM probing RETURNING id, owner_id),
       agent AS (INSERT INTO agent_status (agent, host, strategy_id) SELECT 'probe', '0', id FROM strategy),
       trade AS (INSERT INTO trades (client_order_id, user_id, strategy_id, symbol, side, status, quantity, price, filled_at)
                 SELECT $1, owner_id, id, 'PROBE', 'buy', 'filled', 1, 1, now() FROM strategy RETURNING id, strategy_id),
       decision AS (INSERT INTO ai_decisions (id, strategy_id, trade_id, model, action, confidence, rationale)
                    SELECT $1, strategy_id, id, 'probe', 'hold', 0, '' FROM trade RETURNING id),
       feature AS (INSERT INTO ai_decision_features (decision_id, name, value) SELECT id, 'probe', 0 FROM decision),
       calibration AS (INSERT INTO ai_calibration_log (model, predicted, observed, brier) VALUES ('probe', 0, 0, 0)),
       outcome AS (INSERT INTO ai_trade_outcomes (trade_id, horizon_minutes, decision_id, label, profit)
                   SELECT trade.id, 1, decision.id, 'flat', 0 FROM trade, decision)
  SELECT strategy_id AS strategy, id AS trade FROM trade`;
const openingChanges = 9;

/** Milliseconds between probes, on average. */
const meanIntervalMs = 20;
/** A p99 of fewer would be the worst of them. */
const fewest = 100;
/** So many latencies are kept, the newest: a load that is held for hours must not fill the memory. */
const kept = 100_000;

export class Probes {
  readonly ledger: Ledger = { transactions: 0, changes: 0, keyChanges: 0 };
  /** Milliseconds from commit to commit, of every probe that is at its target. */
  readonly latencies: number[] = [];
  /** By service, of the newest one. */
  readonly newest = new Map<string, number>();

  readonly #source: Client;
  readonly #targets: ReadonlyMap<string, Client>;
  readonly #random: SeededRandom;
  /** By service, keys that are committed and have not been seen at the target. */
  readonly #pending = new Map<string, Set<string>>();
  #refersTo: { readonly strategy: string; readonly trade: string } | undefined;
  /** The opening's rows are number 0, and number 1 of the outcomes. */
  #written = 1;

  /**
   * @param source a session of its own
   * @param targets by service
   */
  constructor(source: Client, targets: ReadonlyMap<string, Client>, seed: number) {
    this.#source = source;
    this.#targets = targets;
    this.#random = new SeededRandom(seed, "probes");
  }

  /** Whether every probe has been seen at its target. */
  get allArrived(): boolean {
    return [...this.#pending.values()].every((keys) => keys.size === 0);
  }

  /** The monolith's first transaction, which changes a row of each table. Before the first probe. */
  async open(): Promise<void> {
    const { rows } = await this.#source.query<{ strategy: string; trade: string }>(openingSql, [uuidOf(0)]);
    this.#refersTo = rows[0];
    this.#count(openingChanges);
  }

  /**
   * Probes at random moments, until it is stopped and there have been enough.
   *
   * @param over ends it whether there have been enough or not
   */
  async run(stop: AbortSignal, over: AbortSignal): Promise<void> {
    const services = [...this.#targets.keys()];
    while (!over.aborted && (!stop.aborted || this.#written < fewest)) {
      await waitOrStop(-Math.log(1 - this.#random.fraction()) * meanIntervalMs, over);
      await this.#write(this.#random.pick(services));
    }
  }

  /** One for each service: when these have arrived, all that was committed before them has. */
  async last(): Promise<void> {
    for (const service of this.#targets.keys()) await this.#write(service);
  }

  /** Looks for what has arrived since the last time. */
  async collect(): Promise<void> {
    for (const [service, pending] of this.#pending) {
      const target = this.#targets.get(service);
      if (target === undefined || pending.size === 0) continue;
      const keys = [...pending];
      const arrived = await this.#find(target, service, keys);
      if (arrived.size === 0) continue;
      const committed = await this.#find(this.#source, service, [...arrived.keys()]);
      for (const [key, micros] of arrived) {
        const latency = (micros - (committed.get(key) ?? Number.NaN)) / 1000;
        // It may be looked for twice at a time.
        if (!pending.delete(key)) continue;
        this.newest.set(service, latency);
        this.latencies.push(latency);
      }
    }
    if (this.latencies.length > kept) this.latencies.splice(0, this.latencies.length - kept);
  }

  async #write(service: string): Promise<void> {
    this.#written += 1;
    const { insert, key } = probeOf(service);
    const written = key(this.#written);
    await this.#source.query({ name: `probe ${service}`, text: insert, values: this.#values(service, written) });
    this.#count(1);
    const pending = this.#pending.get(service) ?? new Set();
    this.#pending.set(service, pending.add(written));
  }

  async #find(client: Client, service: string, keys: readonly string[]): Promise<Map<string, number>> {
    const { rows } = await client.query<{ key: string; micros: number }>(probeOf(service).find, this.#values(service, keys));
    return new Map(rows.map(({ key, micros }) => [key, micros]));
  }

  #values(service: string, key: string | readonly string[]): unknown[] {
    const { refersTo } = probeOf(service);
    return refersTo === undefined ? [key] : [key, this.#refersTo?.[refersTo]];
  }

  #count(changes: number): void {
    this.ledger.changes += changes;
    this.ledger.transactions += 1;
  }
}

function probeOf(service: string): Probe {
  const probe = probes[service];
  if (probe === undefined) throw new RangeError(`no probe for the service ${service}`);
  return probe;
}
