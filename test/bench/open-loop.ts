/**
 * A load at a steady rate that does not wait for slow answers: what is due is begun, and waits for a connection where none is free. A load that sends its next
 * transaction when the last one has answered sends fewer while the server stalls, and shows a stall of a second as one slow transaction of many quick ones.
 *
 * A transaction's time is from the moment when it was taken up, with the wait for a connection, to the answer to its commit. How late this process itself was is
 * counted apart: on a machine that is full it waits for a core like everybody else.
 */
import pg, { type Client } from "pg";
import { quantile } from "../../infra/demo/quantile.ts";
import { round } from "./figures.ts";

export interface LoadTransaction {
  /** One statement, which is a transaction by itself. Prepared under its name. */
  readonly statement: { readonly name: string; readonly text: string; readonly values: readonly (string | number)[] };
  /** The server has said that it is committed. @param rows that it touched */
  acknowledged?(rows: number): void;
}

export interface Rate {
  readonly perSecond: number;
  readonly connections: number;
}

/** Milliseconds. */
export interface TransactionTimes {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly transactions: number;
  /** That were answered. */
  readonly perSecond: number;
  readonly seconds: number;
  /** How late transactions were taken up, since this process had no core. */
  readonly lateP99: number;
}

/** Milliseconds between two looks at what is due. */
const tickMs = 1;

export class OpenLoop {
  readonly #clients: readonly Client[];
  readonly #idle: number[];
  /** When those were taken up that wait for a connection. */
  readonly #waiting: number[] = [];
  readonly #next: (connection: number) => LoadTransaction;
  readonly #perSecond: number;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #running = new Set<Promise<void>>();
  #begun = 0;
  #times: number[] = [];
  #late: number[] = [];
  #since = performance.now();
  #failure: unknown;

  private constructor(clients: readonly Client[], perSecond: number, next: (connection: number) => LoadTransaction) {
    this.#clients = clients;
    this.#idle = clients.map((_, i) => i);
    this.#perSecond = perSecond;
    this.#next = next;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** @param next makes the next transaction of a connection, which has no other under way */
  static async start(url: string, { perSecond, connections }: Rate, next: (connection: number) => LoadTransaction): Promise<OpenLoop> {
    const clients = await Promise.all(
      Array.from({ length: connections }, async () => {
        const client = new pg.Client(url);
        client.on("error", () => {});
        await client.connect();
        return client;
      }),
    );
    return new OpenLoop(clients, perSecond, next);
  }

  /** What was answered since the last call. @throws where a transaction has failed */
  take(): TransactionTimes {
    if (this.#failure !== undefined) throw this.#failure;
    const now = performance.now();
    const seconds = (now - this.#since) / 1000;
    const [times, late] = [this.#times, this.#late];
    [this.#times, this.#late, this.#since] = [[], [], now];
    const at = (share: number): number => round(quantile(times, share), 2);
    return {
      p50: at(0.5),
      p90: at(0.9),
      p99: at(0.99),
      max: at(1),
      transactions: times.length,
      perSecond: Math.round(times.length / seconds),
      seconds: round(seconds, 1),
      lateP99: round(quantile(late, 0.99), 2),
    };
  }

  /** Lets those that are under way end. @throws where a transaction has failed */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#waiting.length = 0;
    await Promise.all(this.#running);
    await Promise.all(this.#clients.map(async (client) => client.end()));
    if (this.#failure !== undefined) throw this.#failure;
  }

  #tick(): void {
    const now = performance.now();
    for (; this.#begun < ((now - this.#startedAt) * this.#perSecond) / 1000; this.#begun += 1) {
      this.#late.push(now - this.#startedAt - (this.#begun * 1000) / this.#perSecond);
      this.#waiting.push(now);
    }
    while (this.#waiting.length > 0 && this.#idle.length > 0) this.#begin(this.#idle.shift()!, this.#waiting.shift()!);
  }

  #begin(connection: number, takenUp: number): void {
    const running = this.#run(connection, takenUp)
      .catch((error: unknown) => {
        this.#failure ??= error;
        clearInterval(this.#timer);
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #run(connection: number, takenUp: number): Promise<void> {
    const transaction = this.#next(connection);
    const { statement } = transaction;
    const { rowCount } = await this.#clients[connection]!.query({ ...statement, values: [...statement.values] });
    this.#times.push(performance.now() - takenUp);
    transaction.acknowledged?.(rowCount ?? 0);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#idle.push(connection);
    else this.#begin(connection, waiting);
  }
}
