/**
 * Of which tables rows may be missing at the target, because they were never copied, or a copy is under way. Their updates and deletes need not find a row. A
 * table that stays in here too long hides rows that somebody has deleted; one that leaves too early stops the applier at the first row that is not there yet.
 *
 * Also, where a copy has met rows: what it brings is new at first (an empty table), and goes by COPY; where some of it was there already (an update came
 * before the copy, or the table is copied again) every further batch would fail once before it is done the other way.
 */
import { fullName } from "../runtime/table-pattern.ts";
import type { MarkChanges } from "./batch.ts";
import type { TargetTable } from "./target-table.ts";

/** What the statements of a batch depend on, beside their tables: for each table, at its place. */
export interface CopyState {
  readonly uncopied: readonly boolean[];
  readonly hopeful: readonly boolean[];
}

export class UncopiedTables {
  readonly #uncopied: Set<string>;
  readonly #met = new Set<string>();

  /** @param uncopied tables of the source, as schema.table */
  constructor(uncopied: Iterable<string>) {
    this.#uncopied = new Set(uncopied);
  }

  of(tables: readonly TargetTable[]): CopyState {
    return {
      uncopied: tables.map(({ plan }) => this.#uncopied.has(fullName(plan))),
      hopeful: tables.map(({ plan }) => !this.#met.has(fullName(plan))),
    };
  }

  /** A copy has met rows, perhaps of this table. */
  met({ plan }: TargetTable): void {
    this.#met.add(fullName(plan));
  }

  /** What is marked now. @returns whether there is one among them that was not known of */
  learn(marked: readonly string[]): boolean {
    const found = marked.filter((table) => !this.#uncopied.has(table));
    for (const table of found) this.#uncopied.add(table);
    return found.length > 0;
  }

  /** Copies have ended, or a gap was passed, and that is committed. A table that is still marked is learned of again. */
  changed({ copied, gaps }: MarkChanges): void {
    for (const { table } of copied) {
      this.#uncopied.delete(table);
      this.#met.delete(table);
    }
    for (const { tables } of gaps) this.learn(tables);
  }
}
