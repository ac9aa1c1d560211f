/**
 * A bank, the database of the service that its tables leave for, and connector and applier between them as processes of the CLI: what the tests in this folder kill,
 * starve and falsify.
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import pg, { type Client } from "pg";
import { stringify } from "yaml";
import { createDatabase, dropDatabase } from "../../infra/local/postgres-server.ts";
import { up } from "../../services/cli/up.ts";
import { type Configuration, loadConfiguration } from "../../services/runtime/configuration.ts";
import { waitFor } from "../support/wait-for.ts";
import { openAccounts, schemaSql, tables } from "./bank.ts";
import { Clerk } from "./clerk.ts";
import { Ledger } from "./ledger.ts";
import { Victim, type VictimOptions } from "./victim.ts";

/** Superusers' URLs of the databases' servers, host:port of brokers, URL of the registry. */
export interface BankServers {
  readonly source: string;
  readonly target: string;
  readonly kafka: readonly string[];
  readonly registry: string;
}

export interface BankOptions extends VictimOptions {
  /** Exists; gets configuration, ledger and logs. */
  readonly folder: string;
  readonly seed: number;
}

export class BankPipeline {
  readonly name: string;
  readonly file: string;
  readonly configuration: Configuration;
  readonly sourceUrl: string;
  readonly targetUrl: string;
  readonly ledger: Ledger;
  readonly connector: Victim;
  readonly applier: Victim;
  readonly #servers: BankServers;
  readonly #seed: number;
  readonly #options: BankOptions;
  #clerks = 0;

  private constructor(servers: BankServers, name: string, file: string, options: BankOptions) {
    this.#servers = servers;
    this.#options = options;
    this.#seed = options.seed;
    this.name = name;
    this.file = file;
    this.configuration = loadConfiguration(file, process.env);
    this.sourceUrl = databaseUrl(servers.source, name);
    this.targetUrl = databaseUrl(servers.target, name);
    this.ledger = new Ledger(join(options.folder, "ledger"));
    this.connector = this.spawn("connector", "connector");
    this.applier = this.spawn("applier", "applier");
  }

  /** Opens the accounts, and waits until the service has them. */
  static async open(servers: BankServers, options: BankOptions): Promise<BankPipeline> {
    const name = `bank_${randomBytes(6).toString("hex")}`;
    const { folder } = options;
    await mkdir(folder, { recursive: true });
    for (const database of [name, `${name}_control`]) await createDatabase(servers.target, database);
    await createDatabase(servers.source, name);
    const file = join(folder, "offtake.yaml");
    writeFileSync(
      file,
      stringify({
        mode: "development",
        source: { url: databaseUrl(servers.source, name) },
        kafka: { brokers: servers.kafka, topicPrefix: name },
        registry: { url: servers.registry },
        control: { url: databaseUrl(servers.target, `${name}_control`) },
        connectors: { [name]: { publication: `${name}_pub`, slot: name, service: "bank", heartbeat: { every: "2s" } } },
        // Small batches: a run of postings is larger than four of them, and comes in pieces.
        services: { bank: { target: { url: databaseUrl(servers.target, name) }, tables: Object.keys(tables), apply: { batchRows: 500 } } },
      }),
    );
    const source = await connect(databaseUrl(servers.source, name));
    await source.query(schemaSql);
    const silent = { json: true, progress: () => {}, answer: () => {} };
    await up(loadConfiguration(file, process.env), { createTables: true }, silent, new AbortController().signal);
    const bank = new BankPipeline(servers, name, file, options);
    await openAccounts(source);
    await source.end();
    await waitFor(async () => (await bank.countAtTarget("account")) > 0, { what: "the accounts at the target", timeout: 60_000 });
    return bank;
  }

  /** Another process beside connector and applier. @param log its name in the folder */
  spawn(kind: "connector" | "applier", log: string, environment: NodeJS.ProcessEnv = {}): Victim {
    const { cli, folder } = this.#options;
    const own = { NODE_COMPILE_CACHE: join(folder, "compiled"), MALLOC_ARENA_MAX: "1", ...this.#options.environment, ...environment };
    return new Victim(["--config", this.file, "run", kind, "--http-port", "0"], join(folder, `${log}.log`), { cli, environment: own });
  }

  /** @param pauseMs between its transactions, on average */
  clerk(pauseMs: number): Clerk {
    const number = this.#clerks;
    this.#clerks += 1;
    return new Clerk({ url: this.sourceUrl, ledger: this.ledger, seed: this.#seed, number, pauseMs });
  }

  async countAtTarget(table: "account" | "transfer"): Promise<number> {
    return at(this.targetUrl, async (client) => {
      const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`);
      return Number(rows[0]!.n);
    });
  }

  /** Whether the target has a transfer; false where it is away. */
  async hasArrived(transfer: number): Promise<boolean> {
    return at(this.targetUrl, async (client) => {
      const { rowCount } = await client.query("SELECT FROM transfer WHERE id = $1", [transfer]);
      return rowCount === 1;
    }).catch(() => false);
  }

  /** Kills what runs, and leaves nothing on the servers. */
  async close(): Promise<void> {
    await Promise.all([this.connector.kill(), this.applier.kill()]);
    this.ledger.close();
    await dropDatabase(this.#servers.source, this.name);
    await dropDatabase(this.#servers.target, this.name);
    await dropDatabase(this.#servers.target, `${this.name}_control`);
  }
}

/** A session for one question. */
export async function at<T>(url: string, ask: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(url);
  try {
    return await ask(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A session that does not end this process when its server ends. */
export async function connect(url: string): Promise<Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 30_000 });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** @param server URL of any database on it */
export function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
