/**
 * Reads the target all the time and counts what no reader may ever see: a sum of balances that is off, accounts that moved without their transfer, a run of
 * postings that is there in part, a database that went back in time.
 *
 * A target that crashes may go back: its commits do not wait for its disk, and the position goes back with the rows. So time is compared within a connection.
 *
 * A watcher that sees nothing counts nothing: a target that is away is waited for, and whatever else goes wrong with a look is an error, which stop() throws.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { isUnreachable } from "../../connectors/postgres/session.ts";
import { lookSql, total } from "./bank.ts";

export interface Watched {
  readonly reads: number;
  readonly halfVisible: number;
  readonly wentBack: number;
}

/** Milliseconds between looks: all the time, and not all of the processor. */
const pauseMs = 25;

export class TargetWatcher {
  #reads = 0;
  #halfVisible = 0;
  #wentBack = 0;
  #over = false;
  readonly #running: Promise<void>;

  /** @param url of the target, which has all accounts already */
  constructor(url: string) {
    this.#running = this.#watch(url);
    // Heard in stop().
    this.#running.catch(() => undefined);
  }

  /** Until now. */
  get seen(): Watched {
    return { reads: this.#reads, halfVisible: this.#halfVisible, wentBack: this.#wentBack };
  }

  /** @throws Error where a look has failed, other than by a target that is away */
  async stop(): Promise<Watched> {
    this.#over = true;
    await this.#running;
    return this.seen;
  }

  async #watch(url: string): Promise<void> {
    while (!this.#over) {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 30_000 });
      client.on("error", () => undefined);
      try {
        await client.connect();
        await this.#look(client);
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        // What was seen before stays counted.
        await sleep(pauseMs);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }

  async #look(client: pg.Client): Promise<void> {
    for (let newest = 0; !this.#over; await sleep(pauseMs)) {
      const { rows } = await client.query<{ total: string; half: string; torn: string; transfers: string }>(lookSql);
      const { total: seen, half, torn, transfers } = rows[0]!;
      this.#reads += 1;
      if (seen !== String(total) || half !== "0" || torn !== "0") this.#halfVisible += 1;
      if (Number(transfers) < newest) this.#wentBack += 1;
      newest = Number(transfers);
    }
  }
}
