/**
 * Stands between a client and a server and does what networks do: cuts connections at any byte, holds bytes back, swallows them, forgets
 * one of the two.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Towards the server, or back to the client. */
export type Direction = "there" | "back";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly held: Record<Direction, Buffer[]>;
  /** Whether the client is kept although the server's end is gone. */
  abandoned: boolean;
  /** Whether nothing passes any more: it is about to be cut. */
  over: boolean;
}

export class TcpProxy implements AsyncDisposable {
  /** Where clients connect. */
  readonly port: number;
  /** Connections that clients have made so far. */
  accepted = 0;
  /** Bytes that were passed on so far. */
  readonly passed: Record<Direction, number> = { there: 0, back: 0 };

  readonly #target: () => { host: string; port: number };
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #holds = new Set<Direction>();
  readonly #swallows = new Set<Direction>();
  /** Bytes that may still pass before every connection is cut, or before all others are held back. */
  readonly #cutAfter = new Map<Direction, number>();
  readonly #holdAfter = new Map<Direction, number>();

  private constructor(server: Server, port: number, target: () => { host: string; port: number }) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on("connection", (client) => this.#accept(client));
  }

  /** @param target asked at each connection */
  static async start(target: () => { host: string; port: number }): Promise<TcpProxy> {
    const server = createServer({ noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy does not listen");
    return new TcpProxy(server, address.port, target);
  }

  /** Connections that are open. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Ends every connection, at once and without a farewell. What is held back is lost. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Cuts once this many more bytes have passed, in the middle of whatever they are. */
  cutAfter(direction: Direction, bytes: number): void {
    this.#cutAfter.set(direction, bytes);
  }

  /** Bytes wait here until release(). */
  hold(direction: Direction): void {
    this.#holds.add(direction);
  }

  /** Holds everything back once this many more bytes have passed, in the middle of whatever they are. */
  holdAfter(direction: Direction, bytes: number): void {
    this.#holdAfter.set(direction, bytes);
  }

  release(direction: Direction): void {
    this.#holds.delete(direction);
    for (const pair of this.#pairs) {
      const held = pair.held[direction].splice(0);
      for (const bytes of held) this.#pass(pair, direction, bytes);
    }
  }

  /** From now on bytes disappear, and the connection stays: what a firewall does that has forgotten it. */
  swallow(direction: Direction): void {
    this.#swallows.add(direction);
  }

  /**
   * Ends every connection with the server, and the clients do not hear of it: each still gets what was sent to it before, and then nothing. So does a client
   * on a machine that was asleep.
   */
  abandon(): void {
    for (const pair of this.#pairs) {
      pair.abandoned = true;
      pair.server.resetAndDestroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut();
    await closed;
  }

  #accept(client: Socket): void {
    this.accepted += 1;
    const server = connect({ ...this.#target(), noDelay: true });
    const pair: Pair = { client, server, held: { there: [], back: [] }, abandoned: false, over: false };
    this.#pairs.add(pair);
    client.on("data", (bytes: Buffer) => this.#receive(pair, "there", bytes));
    server.on("data", (bytes: Buffer) => this.#receive(pair, "back", bytes));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => {});
      one.on("close", () => {
        if (pair.abandoned && one === server) return;
        this.#pairs.delete(pair);
        other.destroy();
      });
    }
  }

  #receive(pair: Pair, direction: Direction, bytes: Buffer): void {
    if (pair.over || this.#swallows.has(direction)) return;
    if (this.#holds.has(direction)) {
      pair.held[direction].push(bytes);
      return;
    }
    const left = this.#holdAfter.get(direction) ?? Number.POSITIVE_INFINITY;
    this.#pass(pair, direction, bytes.subarray(0, left));
    if (left === Number.POSITIVE_INFINITY) return;
    this.#holdAfter.set(direction, left - bytes.length);
    if (bytes.length < left) return;
    this.#holdAfter.delete(direction);
    this.#holds.add(direction);
    pair.held[direction].push(bytes.subarray(left));
  }

  #pass(pair: Pair, direction: Direction, bytes: Buffer): void {
    const left = this.#cutAfter.get(direction);
    const length = Math.min(bytes.length, left ?? bytes.length);
    this.passed[direction] += length;
    (direction === "there" ? pair.server : pair.client).write(bytes.subarray(0, length));
    if (left === undefined) return;
    this.#cutAfter.set(direction, left - length);
    if (length < left) return;
    this.#cutAfter.delete(direction);
    // What was written leaves first: the other side has it, and nothing of what follows. What comes before the cut would be read behind a gap.
    for (const each of this.#pairs) each.over = true;
    setImmediate(() => this.cut());
  }
}
