/**
 * One transaction of the load: its statements, and how many row changes it commits.
 *
 * The demo claims to have replicated as many row changes as were committed, so a transaction that miscounts its own makes that claim false. What
 * counts is what the WAL will hold for the tables' subscribers: one for each row inserted, updated or deleted, by a statement, by a trigger or by
 * a foreign key's action, and one for a TRUNCATE of one table; nothing for what is rolled back.
 *
 * Pure.
 */
export interface Step {
  readonly sql: string;
  readonly values: readonly unknown[];
  /** How many rows the statement itself changes; the session checks it. Undefined for BEGIN and the like. */
  readonly rows?: number;
}

export interface LoadTransaction {
  readonly steps: readonly Step[];
  /** False for one that is rolled back. */
  readonly commits: boolean;
  readonly changes: number;
  /** Those of them that change a primary key: each is two events. */
  readonly keyChanges: number;
}

export interface StepChanges {
  /** Rows that the statement changes. Default: 1. */
  readonly rows?: number;
  /** Rows that triggers and foreign keys change in answer to it. */
  readonly byTriggers?: number;
  /** Of `rows`, those whose key changes. */
  readonly keyChanges?: number;
  /** What counts where it is not `rows`: a TRUNCATE answers with no count and is one. */
  readonly counted?: number;
}

/** A transaction that is being written. */
export class TransactionDraft {
  readonly #steps: Step[] = [];
  #changes = 0;
  #keyChanges = 0;
  /** Counts at the savepoint that is set. */
  #saved: readonly [changes: number, keyChanges: number] | undefined;

  step(sql: string, values: readonly unknown[], { rows = 1, byTriggers = 0, keyChanges = 0, counted = rows }: StepChanges = {}): this {
    this.#steps.push({ sql, values, rows });
    this.#changes += counted + byTriggers;
    this.#keyChanges += keyChanges;
    return this;
  }

  savepoint(): this {
    this.#steps.push({ sql: "SAVEPOINT idea", values: [] });
    this.#saved = [this.#changes, this.#keyChanges];
    return this;
  }

  rollBackToSavepoint(): this {
    if (this.#saved === undefined) throw new RangeError("there is no savepoint");
    this.#steps.push({ sql: "ROLLBACK TO SAVEPOINT idea", values: [] });
    [this.#changes, this.#keyChanges] = this.#saved;
    return this;
  }

  commit(): LoadTransaction {
    return { steps: this.#steps, commits: true, changes: this.#changes, keyChanges: this.#keyChanges };
  }

  rollBack(): LoadTransaction {
    return { steps: this.#steps, commits: false, changes: 0, keyChanges: 0 };
  }
}
