/**
 * The first copy of a table with rows: from `run` to the moment when the table's mark is gone at the target, through Kafka; beside PostgreSQL's own initial table
 * synchronisation, from CREATE SUBSCRIPTION until the table is ready. Both with their default settings, and nothing is written meanwhile.
 *
 * Source: PostgreSQL documentation, "Logical Replication", Initial Snapshot; pg_subscription_rel.
 */
import { execFileSync } from "node:child_process";
import type { Client } from "pg";
import type { LocalStack } from "../../infra/local/stack.ts";
import { loadConfiguration } from "../../services/runtime/configuration.ts";
import { connect, fingerprint, sessionOf } from "./bench-servers.ts";
import type { Outcome } from "./contest.ts";
import { measure, until } from "./measure.ts";
import { pidsOf } from "./process-figures.ts";
import { applierSession, cli, removeTopic, start, writeInstallation } from "./product.ts";
import { rowSql, tableSql } from "./workloads.ts";

const database = "bench_snapshot";
const publication = "bench_snapshot_pub";

/** A table of the source that every run copies into a database of its own. */
export class CopiedTable {
  readonly rows: number;
  readonly #stack: LocalStack;
  readonly #source: Client;
  readonly #fingerprint: string;
  #runs = 0;

  private constructor(stack: LocalStack, source: Client, rows: number, print: string) {
    this.#stack = stack;
    this.#source = source;
    this.rows = rows;
    this.#fingerprint = print;
  }

  static async fill(stack: LocalStack, rows: number): Promise<CopiedTable> {
    await stack.source.createDatabase(database);
    const source = await connect(stack.source.url(database));
    await source.query(tableSql);
    await source.query(`INSERT INTO bench SELECT ${rowSql("g")} FROM generate_series(1, ${rows}::bigint) g`);
    await source.query("VACUUM ANALYZE bench");
    await source.query(`CREATE PUBLICATION ${publication} FOR TABLE bench`);
    return new CopiedTable(stack, source, rows, await fingerprint(source));
  }

  async copy(): Promise<Outcome> {
    const { run, url, target } = await this.#emptyTarget();
    const file = writeInstallation(this.#stack, {
      source: database,
      topicPrefix: run,
      control: url,
      connectors: [`${run}: { publication: ${publication}, slot: ${run}, service: bench }`],
      services: [`bench: { target: { url: "${url}" }, tables: [bench] }`],
    });
    execFileSync(process.execPath, [cli, "--config", file, "up"], { stdio: ["ignore", "ignore", "inherit"] });
    const applier = start({ file }, "applier");
    await until("the applier has its session", async () => (await sessionOf(url, applierSession)) !== 0);
    const backend = await sessionOf(url, applierSession);
    const connector = start({ file }, "connector");
    const broker = pidsOf("kafka.Kafka", this.#stack.folder)[0] ?? 0;
    try {
      const figures = await measure(
        async () => ({ connector: connector.pid, applier: applier.pid, target: backend, broker }),
        async () => (await this.#source.query("SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active", [run])).rowCount === 1,
        async () => (await target.query("SELECT FROM offtake.needs_copy")).rowCount === 0,
      );
      return { figures, equal: (await fingerprint(target)) === this.#fingerprint };
    } finally {
      await Promise.all([connector.stop(), applier.stop()]);
      const configuration = loadConfiguration(file, process.env);
      await removeTopic({ file, configuration, topic: configuration.services[0]!.topic });
      await target.end();
      await this.#source.query("SELECT pg_drop_replication_slot($1)", [run]);
      await this.#stack.target.dropDatabase(run);
    }
  }

  async copyNatively(): Promise<Outcome> {
    const { run, target } = await this.#emptyTarget();
    const connection = this.#stack.source.url(database);
    try {
      const figures = await measure(
        async () => ({}),
        async () => {
          await target.query(`CREATE SUBSCRIPTION ${run} CONNECTION '${connection}' PUBLICATION ${publication} WITH (copy_data = true)`);
          return true;
        },
        async () => (await target.query("SELECT FROM pg_subscription_rel WHERE srsubstate = 'r'")).rowCount === 1,
      );
      return { figures, equal: (await fingerprint(target)) === this.#fingerprint };
    } finally {
      await target.query(`DROP SUBSCRIPTION ${run}`);
      await target.end();
      await this.#stack.target.dropDatabase(run);
    }
  }

  async end(): Promise<void> {
    await this.#source.end();
    await this.#stack.source.dropDatabase(database);
  }

  async #emptyTarget(): Promise<{ run: string; url: string; target: Client }> {
    this.#runs += 1;
    const run = `snapshot_run${this.#runs}`;
    await this.#stack.target.createDatabase(run);
    const url = this.#stack.target.url(run);
    const target = await connect(url);
    await target.query(tableSql);
    return { run, url, target };
  }
}
