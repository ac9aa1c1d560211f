/**
 * A client of the bank that writes transaction after transaction, and knows of each what it did: notes and runs are a clerk's own, so that it can say what they
 * must be without asking. Transfers are everybody's: they only add up.
 *
 * Beside the transfer a transaction has what makes replication hard: texts that lie outside of their rows and stay as they are while the row changes, also while it
 * changes its key; rows that come and go; savepoints and transactions that are rolled back; thousands of rows at once that come, change, change their keys, and go.
 *
 * Seeded: the same seed makes the same decisions, as far as the servers answer.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg, { type Client } from "pg";
import { SeededRandom } from "../../infra/demo/seeded-random.ts";
import { sqlState } from "../../connectors/postgres/session.ts";
import { accounts } from "./bank.ts";
import { bodyOf, type Deed, type NoteChange, type RunChange } from "./deed.ts";
import type { Ledger } from "./ledger.ts";

export interface ClerkOptions {
  readonly url: string;
  readonly ledger: Ledger;
  readonly seed: number;
  /** From 0: its ids do not meet another's. */
  readonly number: number;
  /** Milliseconds between transactions, on average. */
  readonly pauseMs: number;
}

/** Ids of one clerk's transfers, notes and runs. */
const idsOfEach = 1_000_000_000;

const largestRun = 4000;

type Note = Extract<NoteChange, { note: number }>;
type Run = Extract<RunChange, { run: number }>;

interface Plan {
  readonly changes: readonly (NoteChange | RunChange)[];
  readonly statements: readonly (readonly [sql: string, ...values: unknown[]])[];
}

const nothing: Plan = { changes: [], statements: [] };

export class Clerk {
  readonly #options: ClerkOptions;
  readonly #random: SeededRandom;
  #client: Client | undefined;
  #next: number;
  #notes: Note[] = [];
  #runs: Run[] = [];

  constructor(options: ClerkOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed, `clerk ${options.number}`);
    this.#next = options.number * idsOfEach;
  }

  /** Transactions until it is told to stop; a source that is away is waited for. */
  async work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.transact();
      // Load, and no condition that is waited for.
      await sleep(this.#random.fraction() * 2 * this.#options.pauseMs);
    }
    await this.leave();
  }

  /** One transaction. @param large whether it is one of thousands of rows; by chance where it is left out */
  async transact(large?: boolean): Promise<void> {
    const random = this.#random;
    const id = (this.#next += 1);
    const from = random.between(1, accounts);
    const to = 1 + ((from + random.between(0, accounts - 2)) % accounts);
    const kind = random.fraction();
    const plan = (large ?? kind < 0.004) ? this.#runPlan(id) : kind < 0.4 ? this.#notePlan(id) : nothing;
    const deed: Deed = { id, from, to, amount: random.between(1, 50), changes: plan.changes };
    const rolledBack = large === undefined && random.chance(0.03);
    const savepoint = random.chance(0.05);
    let committing = false;
    try {
      const client = await this.#connected();
      await client.query("BEGIN");
      // Accounts are locked in order, so that no two clerks wait for each other.
      await client.query("SELECT 1 FROM account WHERE id IN ($1, $2) ORDER BY id FOR UPDATE", [Math.min(from, to), Math.max(from, to)]);
      await client.query(
        "UPDATE account SET balance = balance + CASE WHEN id = $1 THEN -$3::bigint ELSE $3::bigint END, moves = moves + 1 WHERE id IN ($1, $2)",
        [from, to, deed.amount],
      );
      await client.query("INSERT INTO transfer (id, source, target, amount) VALUES ($1, $2, $3, $4)", [id, from, to, deed.amount]);
      if (savepoint) {
        await client.query("SAVEPOINT s");
        await client.query("UPDATE account SET balance = balance + 1000000 WHERE id = $1", [from]);
        await client.query("ROLLBACK TO SAVEPOINT s");
      }
      for (const [sql, ...values] of plan.statements) await client.query(sql, values);
      if (rolledBack) {
        await client.query("ROLLBACK");
        return;
      }
      committing = true;
      await client.query("COMMIT");
    } catch (error) {
      // A server that is going or coming; anything else is a fault of the test.
      if (!/^(08|57P)/.test(sqlState(error) ?? "08")) throw error;
      await this.#client?.end().catch(() => undefined);
      this.#client = undefined;
      if (!committing) return;
      this.#options.ledger.doubt(deed);
      if (await this.#isThere(id)) this.#remember(plan);
      return;
    }
    this.#options.ledger.acknowledge(deed);
    this.#remember(plan);
  }

  async leave(): Promise<void> {
    await this.#client?.end();
  }

  /** What became of a commit without an answer: the server that would have done it is gone when another answers. */
  async #isThere(id: number): Promise<boolean> {
    for (;;) {
      try {
        const { rows } = await (await this.#connected()).query("SELECT FROM transfer WHERE id = $1", [id]);
        return rows.length === 1;
      } catch {
        this.#client = undefined;
      }
    }
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    for (;;) {
      const client = new pg.Client({ connectionString: this.#options.url, connectionTimeoutMillis: 30_000 });
      client.on("error", () => undefined);
      try {
        await client.connect();
        this.#client = client;
        return client;
      } catch {
        await client.end().catch(() => undefined);
        await sleep(20);
      }
    }
  }

  #remember({ changes }: Plan): void {
    for (const change of changes) {
      if ("note" in change) this.#notes = [...this.#notes.filter(({ note }) => note !== change.note), change];
      else if ("noNote" in change) this.#notes = this.#notes.filter(({ note }) => note !== change.noNote);
      else if ("run" in change) this.#runs = [...this.#runs.filter(({ run }) => run !== change.run), change];
      else this.#runs = this.#runs.filter(({ run }) => run !== change.noRun);
    }
  }

  #notePlan(id: number): Plan {
    const random = this.#random;
    if (this.#notes.length < 5 || (this.#notes.length < 40 && random.chance(0.3))) {
      const note: Note = { note: id, origin: id, long: random.chance(0.3), touched: 0 };
      return { changes: [note], statements: [["INSERT INTO note (id, touched, body) VALUES ($1, 0, $2)", id, bodyOf(id, note.long)]] };
    }
    const old = random.pick(this.#notes);
    const next: Note = { ...old, touched: old.touched + 1 };
    const touch = ["UPDATE note SET touched = touched + 1 WHERE id = $1", old.note] as const;
    switch (random.between(1, 5)) {
      case 1:
        return { changes: [{ noNote: old.note }], statements: [["DELETE FROM note WHERE id = $1", old.note]] };
      case 2: {
        // Another key, and a text that does not come along; touched before and behind, in one transaction.
        const moved: Note = { ...next, note: id, touched: next.touched + 1 };
        const move = ["UPDATE note SET id = $2 WHERE id = $1", old.note, id] as const;
        return {
          changes: [{ noNote: old.note }, moved],
          statements: [touch, move, ["UPDATE note SET touched = touched + 1 WHERE id = $1", id]],
        };
      }
      case 3: {
        // Gone and there again under its key, as another.
        const renewed: Note = { note: old.note, origin: id, long: !old.long, touched: 0 };
        return {
          changes: [renewed],
          statements: [
            ["DELETE FROM note WHERE id = $1", old.note],
            ["INSERT INTO note (id, touched, body) VALUES ($1, 0, $2)", old.note, bodyOf(id, renewed.long)],
          ],
        };
      }
      default:
        return { changes: [next], statements: [touch] };
    }
  }

  #runPlan(id: number): Plan {
    const random = this.#random;
    if (this.#runs.length < 2) {
      const run: Run = { run: id, size: random.between(1000, largestRun), mark: 0 };
      return {
        changes: [run],
        statements: [["INSERT INTO posting (run, n, size, mark) SELECT $1, n, $2::int, 0 FROM generate_series(1, $2::int) n", id, run.size]],
      };
    }
    const old = random.pick(this.#runs);
    switch (random.between(1, 4)) {
      case 1:
        return { changes: [{ noRun: old.run }], statements: [["DELETE FROM posting WHERE run = $1", old.run]] };
      case 2:
        return {
          changes: [{ noRun: old.run }, { ...old, run: id }],
          statements: [["UPDATE posting SET run = $2 WHERE run = $1", old.run, id]],
        };
      default:
        return { changes: [{ ...old, mark: old.mark + 1 }], statements: [["UPDATE posting SET mark = mark + 1 WHERE run = $1", old.run]] };
    }
  }
}
