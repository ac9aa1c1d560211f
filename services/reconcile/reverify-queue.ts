/**
 * Keys of rows that have changed, until they are looked at. What waits here for long is reported late, and what does not fit is left to the next pass: so it is short, and says how much
 * it has left out. A key that changes again while it waits is looked at once.
 *
 * Pure.
 */
import { fullName, type TableName } from "../runtime/table-pattern.ts";
import type { KeyText } from "./key-range.ts";

/** Keys of one table. */
const room = 2000;

export interface Waiting {
  /** Of the source. */
  readonly table: TableName;
  /** What the keys' values are of. */
  readonly columns: readonly string[];
  readonly keys: readonly KeyText[];
}

interface Queued {
  readonly table: TableName;
  readonly columns: readonly string[];
  /** In the order in which they came. */
  readonly keys: Map<string, KeyText>;
}

export class ReverifyQueue {
  readonly #tables = new Map<string, Queued>();
  /** Changes of which the row is not looked at. */
  leftOut = 0;

  /** Whether another key of the table would be left out. @param table schema.table */
  isFull(table: string): boolean {
    return (this.#tables.get(table)?.keys.size ?? 0) >= room;
  }

  /** @param columns of the key; where they are others than before, the keys that wait are of a table that is no more */
  add({ schema, table }: TableName, columns: readonly string[], key: KeyText): void {
    const name = fullName({ schema, table });
    let queued = this.#tables.get(name);
    if (queued === undefined || queued.columns.join("\0") !== columns.join("\0")) {
      queued = { table: { schema, table }, columns, keys: new Map() };
      this.#tables.set(name, queued);
    }
    const text = key.join("\0");
    if (queued.keys.size < room || queued.keys.has(text)) queued.keys.set(text, key);
    else this.leftOut += 1;
  }

  /** Its rows are all gone. */
  clear(table: string): void {
    this.#tables.delete(table);
  }

  /** The keys that have waited longest, of the table whose turn it is. @returns undefined where none waits */
  take(most: number): Waiting | undefined {
    const [next] = this.#tables;
    if (next === undefined) return undefined;
    const [name, queued] = next;
    this.#tables.delete(name);
    const taken = [...queued.keys].slice(0, most);
    for (const [text] of taken) queued.keys.delete(text);
    // Behind the others, which wait as long.
    if (queued.keys.size > 0) this.#tables.set(name, queued);
    return { table: queued.table, columns: queued.columns, keys: taken.map(([, key]) => key) };
  }
}
