/**
 * The monolith's own work while a table is copied: small transactions on the table itself, in the proportions of w2. Which rows they touch comes from a counter, so that
 * every window has the same work.
 */
import type { LoadTransaction } from "./open-loop.ts";
import { rowSql } from "./workloads.ts";

const updateSql = "UPDATE bench SET n = $2::int, amt = $2::int * 1.5, s20 = 'changed ' || $2::int, ts = now() WHERE id = $1";
const insertSql = `INSERT INTO bench SELECT ${rowSql("i")} FROM (SELECT $1::bigint AS i) AS new`;
const deleteSql = "DELETE FROM bench WHERE id = $1";

export class SteadyChanges {
  readonly #rows: number;
  readonly #hot: number;
  #count: number;

  /**
   * @param rows of the table, with the ids from 1
   * @param from how many changes were made before, or more
   * @param hot rows that every fifth change is made to; 0 for none
   */
  constructor(rows: number, from: number, hot = 0) {
    this.#rows = rows;
    this.#count = from;
    this.#hot = hot;
  }

  next(): LoadTransaction {
    this.#count += 1;
    const i = this.#count;
    if (i % 10 < 6) {
      const id = i % 10 < 2 && this.#hot > 0 ? 1 + (Math.floor(i / 10) % this.#hot) : 1 + ((i * 7919) % Math.floor(this.#rows * 0.9));
      return { statement: { name: "update", text: updateSql, values: [id, i] } };
    }
    if (i % 10 < 9) return { statement: { name: "insert", text: insertSql, values: [this.#rows + i] } };
    // Of the upper tenth, which no update touches.
    return { statement: { name: "delete", text: deleteSql, values: [this.#rows - Math.floor(i / 10)] } };
  }
}
