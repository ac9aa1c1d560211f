/**
 * A server and its standbys behind one address, as a failover leaves clients with it: the address stays, and another server answers.
 */
import pg, { type Client } from "pg";
import { afterAll } from "vitest";
import type { PostgresMajor } from "../../infra/local/postgres-versions.ts";
import type { PostgresServer } from "../../infra/local/postgres-server.ts";
import { type PostgresStandby, startStandby } from "../../infra/local/postgres-standby.ts";
import { type LocalStack, startLocalStack } from "../../infra/local/stack.ts";
import { TcpProxy } from "./tcp-proxy.ts";
import { waitFor } from "./wait-for.ts";

export class FailoverServer {
  readonly #stack: LocalStack;
  readonly #proxy: TcpProxy;
  readonly #clients: Client[] = [];
  #standbys = 0;
  #primary: PostgresServer;

  private constructor(stack: LocalStack, proxy: TcpProxy, primary: PostgresServer) {
    this.#stack = stack;
    this.#proxy = proxy;
    this.#primary = primary;
  }

  /** Of the test file that calls it: ends with it. */
  static async start(major?: PostgresMajor): Promise<FailoverServer> {
    const stack = await startLocalStack({ servers: ["source"], progress: () => {}, postgres: { source: major } });
    let server: FailoverServer | undefined;
    const proxy = await TcpProxy.start(() => ({ host: "127.0.0.1", port: (server?.primary ?? stack.source).port }));
    server = new FailoverServer(stack, proxy, stack.source);
    afterAll(async () => server.stop());
    return server;
  }

  /** Ends all of them; does nothing the second time. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map(async (client) => client.end()));
    await this.#proxy[Symbol.asyncDispose]();
    await this.#stack.stop();
  }

  get primary(): PostgresServer {
    return this.#primary;
  }

  /** A superuser's, of whatever server is the primary. */
  url(database?: string): string {
    const url = new URL(this.#primary.url(database));
    url.port = String(this.#proxy.port);
    return url.href;
  }

  async addStandby(settings: Record<string, string> = {}): Promise<PostgresStandby> {
    this.#standbys += 1;
    return startStandby({ stackFolder: this.#stack.folder, name: `standby-${this.#standbys}`, primary: this.#primary, settings });
  }

  /** The primary crashes, and the standby takes its place. @param meanwhile what happens while the address leads to a standby that is none but that */
  async failOver(standby: PostgresStandby, meanwhile?: () => Promise<void>): Promise<void> {
    await this.#primary.stop("immediate");
    if (meanwhile !== undefined) {
      this.#primary = standby;
      await meanwhile();
    }
    await standby.promote();
    this.#primary = standby;
  }

  /** A session with this very server, which does not move with a failover. */
  async session(server: PostgresServer, database?: string): Promise<Client> {
    const client = new pg.Client(server.url(database));
    client.on("error", () => {});
    await client.connect();
    this.#clients.push(client);
    return client;
  }

  /** Waits until the standby has applied all that is committed at the primary. */
  async caughtUp(standby: PostgresStandby): Promise<void> {
    const [primary, copy] = [await this.session(this.#primary), await this.session(standby)];
    // A commit that waits for the disk: what was committed before with synchronous_commit = off is written with it.
    await primary.query("SELECT pg_logical_emit_message(true, 'test', 'flushed')");
    const { rows } = await primary.query<{ lsn: string }>("SELECT pg_current_wal_flush_lsn()::text AS lsn");
    const { lsn } = rows[0]!;
    await waitFor(async () => (await copy.query<{ has: boolean }>("SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS has", [lsn])).rows[0]?.has, {
      what: "the standby to have everything",
    });
  }
}
