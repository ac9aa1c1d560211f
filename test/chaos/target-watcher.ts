/**
 * Reads the target all the time and counts what no reader may ever see: a sum of balances that is off, accounts that moved without their transfer, a
 * database that went back in time.
 */
import pg from "pg";
import { stateSql, total } from "./transfers.ts";

export interface Watched {
  readonly reads: number;
  readonly halfVisible: number;
  readonly wentBack: number;
}

export class TargetWatcher {
  #reads = 0;
  #halfVisible = 0;
  #wentBack = 0;
  #over = false;
  readonly #running: Promise<void>;

  /** @param url of the target, which has all accounts already */
  constructor(url: string) {
    this.#running = this.#watch(url);
  }

  async stop(): Promise<Watched> {
    this.#over = true;
    await this.#running;
    return { reads: this.#reads, halfVisible: this.#halfVisible, wentBack: this.#wentBack };
  }

  async #watch(url: string): Promise<void> {
    const client = new pg.Client(url);
    client.on("error", () => {});
    await client.connect();
    let newest = 0;
    while (!this.#over) {
      const { rows } = await client.query<{ total: string; half: string; transfers: string }>(
        `${stateSql}, (SELECT count(*) FROM transfer) AS transfers`,
      );
      this.#reads += 1;
      const { total: seen, half, transfers } = rows[0]!;
      if (seen !== String(total) || half !== "0") this.#halfVisible += 1;
      if (Number(transfers) < newest) this.#wentBack += 1;
      newest = Number(transfers);
    }
    await client.end();
  }
}
