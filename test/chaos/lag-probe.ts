/**
 * How long a service's rows are on their way: writes a row, waits until the target shows it, and writes the next one. A row that does not arrive is the end of it: what
 * stands still has no lag.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { at } from "./bank-pipeline.ts";

/** Milliseconds between rows: enough of them for a quantile, and no load. */
const pauseMs = 20;

export class LagProbe {
  /** The newest row, which the target has shown. */
  arrived: number;
  #lags: number[] = [];
  #over = false;
  readonly #running: Promise<void>;

  /** @param table `id bigint PRIMARY KEY, note text` @param after rows that are there already */
  constructor(sourceUrl: string, targetUrl: string, table: string, after = 0) {
    this.arrived = after;
    this.#running = this.#probe(sourceUrl, targetUrl, table);
    // Heard in stop().
    this.#running.catch(() => undefined);
  }

  /** Milliseconds from the answer to the commit to the sight of the row, of those since the last call. */
  take(): number[] {
    const lags = this.#lags;
    this.#lags = [];
    return lags;
  }

  /** @throws Error where a row has not arrived */
  async stop(): Promise<void> {
    this.#over = true;
    await this.#running;
  }

  async #probe(sourceUrl: string, targetUrl: string, table: string): Promise<void> {
    const write = { name: "write", text: `INSERT INTO ${table} VALUES ($1, 'probe')` };
    const look = { name: "look", text: `SELECT FROM ${table} WHERE id = $1` };
    await at(sourceUrl, async (source) =>
      at(targetUrl, async (target) => {
        while (!this.#over) {
          const values = [this.arrived + 1];
          await source.query({ ...write, values });
          const began = performance.now();
          const limit = began + 60_000;
          while ((await target.query({ ...look, values })).rowCount === 0) {
            if (performance.now() > limit) throw new Error(`row ${values[0]} of ${table} has not arrived within a minute`);
            await sleep(1);
          }
          this.#lags.push(performance.now() - began);
          this.arrived += 1;
          await sleep(pauseMs);
        }
      }),
    );
  }
}
