/** Writes rows at a steady rate, in one session, with ids that count up: how many of them wait somewhere is the difference of two numbers. */
import { setTimeout as sleep } from "node:timers/promises";
import { at } from "./bank-pipeline.ts";

export interface WriterRate {
  readonly rowsPerSecond: number;
  /** Of a transaction. */
  readonly rowsAtOnce: number;
}

export class SteadyWriter {
  /** The newest row that the monolith has acknowledged. */
  newest: number;
  #over = false;
  readonly #running: Promise<void>;

  /** @param table `id bigint PRIMARY KEY, note text` @param after rows that are there already @param sql writes the rows from $1 to $2; default: inserts them */
  constructor(url: string, table: string, rate: WriterRate, after = 0, sql = insertSql(table)) {
    this.newest = after;
    this.#running = this.#write(url, sql, rate, after);
    // Heard in stop().
    this.#running.catch(() => undefined);
  }

  /** @throws where a transaction has failed */
  async stop(): Promise<number> {
    this.#over = true;
    await this.#running;
    return this.newest;
  }

  async #write(url: string, text: string, { rowsPerSecond, rowsAtOnce }: WriterRate, after: number): Promise<void> {
    await at(url, async (client) => {
      const began = performance.now();
      while (!this.#over) {
        // Load, and no condition that is waited for.
        await sleep(Math.max(began + (1000 * (this.newest - after)) / rowsPerSecond - performance.now(), 0));
        await client.query({ name: "write", text, values: [this.newest + 1, this.newest + rowsAtOnce] });
        this.newest += rowsAtOnce;
      }
    });
  }
}

const insertSql = (table: string): string =>
  `INSERT INTO ${table} SELECT id, 'what became of ' || id FROM generate_series($1::bigint, $2::bigint) id`;
