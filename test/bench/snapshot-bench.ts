/**
 * The first copy of a table with rows: from `run` to the moment when the table's mark is gone at the target, through Kafka; beside PostgreSQL's own initial table
 * synchronisation, from CREATE SUBSCRIPTION until the table is ready, and Debezium's initial snapshot with its JDBC sink beside it, from the moment its source
 * connector is asked for. The first two with their default settings; nothing is written meanwhile.
 *
 * Source: PostgreSQL documentation, "Logical Replication", Initial Snapshot; pg_subscription_rel.
 */
import { execFileSync } from "node:child_process";
import type { Client } from "pg";
import type { LocalStack } from "../../infra/local/stack.ts";
import { loadConfiguration } from "../../services/runtime/configuration.ts";
import { connect, fingerprint, sessionOf } from "./bench-servers.ts";
import type { Outcome } from "./contest.ts";
import type { Debezium } from "./debezium.ts";
import { measure, until } from "./measure.ts";
import { pidsOf } from "./process-figures.ts";
import { applierSession, cli, removeTopic, start, writeInstallation } from "./product.ts";
import { rowSql, tableSql } from "./workloads.ts";

/** The product while it copies. */
export interface RunningCopy {
  readonly target: Client;
  readonly pids: () => Promise<Record<string, number>>;
  /** Whether the connector reads its slot. */
  readonly begun: () => Promise<boolean>;
  /** Whether every row is at the target. */
  readonly done: () => Promise<boolean>;
  /** With everything that it has made. */
  readonly stop: () => Promise<void>;
}

/** A table of the source that every run copies into a database of its own. */
export class CopiedTable {
  readonly rows: number;
  readonly source: Client;
  /** Of its database. */
  readonly url: string;
  readonly #name: string;
  readonly #stack: LocalStack;
  /** Of the table as it was filled. */
  readonly #fingerprint: string;
  #runs = 0;

  private constructor(stack: LocalStack, name: string, source: Client, rows: number, print: string) {
    this.#stack = stack;
    this.#name = name;
    this.source = source;
    this.url = stack.source.url(name);
    this.rows = rows;
    this.#fingerprint = print;
  }

  /** @param name of its database */
  static async fill(stack: LocalStack, name: string, rows: number): Promise<CopiedTable> {
    await stack.source.createDatabase(name);
    const source = await connect(stack.source.url(name));
    await source.query(tableSql);
    await source.query(`INSERT INTO bench SELECT ${rowSql("g")} FROM generate_series(1, ${rows}::bigint) g`);
    await source.query("VACUUM ANALYZE bench");
    await source.query(`CREATE PUBLICATION ${publicationOf(name)} FOR TABLE bench`);
    return new CopiedTable(stack, name, source, rows, await fingerprint(source));
  }

  async copy(): Promise<Outcome> {
    const copy = await this.startCopy();
    try {
      const figures = await measure(copy.pids, copy.begun, copy.done);
      return { figures, equal: await this.#isEqual(copy.target) };
    } finally {
      await copy.stop();
    }
  }

  async copyNatively(): Promise<Outcome> {
    const { run, target } = await this.#emptyTarget();
    try {
      const figures = await measure(
        async () => ({}),
        async () => {
          await target.query(`CREATE SUBSCRIPTION ${run} CONNECTION '${this.url}' PUBLICATION ${publicationOf(this.#name)} WITH (copy_data = true)`);
          return true;
        },
        async () => (await target.query("SELECT FROM pg_subscription_rel WHERE srsubstate = 'r'")).rowCount === 1,
      );
      return { figures, equal: await this.#isEqual(target) };
    } finally {
      await target.query(`DROP SUBSCRIPTION ${run}`);
      await this.#dropTarget(run, target);
    }
  }

  async copyByDebezium(debezium: Debezium): Promise<Outcome> {
    const { run, url, target } = await this.#emptyTarget();
    try {
      const figures = await debezium.copy({ run, source: this.url, publication: publicationOf(this.#name), target: url, rows: this.rows });
      return { figures, equal: await this.#isEqual(target) };
    } finally {
      await this.#dropSlot(run);
      await this.#dropTarget(run, target);
    }
  }

  /** The product's processes, from nothing: a database without rows, a topic without events. */
  async startCopy(): Promise<RunningCopy> {
    const { run, url, target } = await this.#emptyTarget();
    const file = writeInstallation(this.#stack, {
      source: this.#name,
      topicPrefix: run,
      control: url,
      connectors: [`${run}: { publication: ${publicationOf(this.#name)}, slot: ${run}, service: bench }`],
      services: [`bench: { target: { url: "${url}" }, tables: [bench] }`],
    });
    execFileSync(process.execPath, [cli, "--config", file, "up"], { stdio: ["ignore", "ignore", "inherit"] });
    const applier = start({ file }, "applier");
    await until("the applier has its session", async () => (await sessionOf(url, applierSession)) !== 0);
    const backend = await sessionOf(url, applierSession);
    const connector = start({ file }, "connector");
    const broker = pidsOf("kafka.Kafka", this.#stack.folder)[0] ?? 0;
    return {
      target,
      pids: async () => ({ connector: connector.pid, applier: applier.pid, target: backend, broker }),
      begun: async () => (await this.source.query("SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active", [run])).rowCount === 1,
      done: async () => (await target.query("SELECT FROM offtake.needs_copy")).rowCount === 0,
      stop: async () => {
        await Promise.all([connector.stop(), applier.stop()]);
        const configuration = loadConfiguration(file, process.env);
        await removeTopic({ file, configuration, topic: configuration.services[0]!.topic });
        await this.#dropSlot(run);
        await this.#dropTarget(run, target);
      },
    };
  }

  async end(): Promise<void> {
    await this.source.end();
    await this.#stack.source.dropDatabase(this.#name);
  }

  async #isEqual(target: Client): Promise<boolean> {
    return (await fingerprint(target)) === this.#fingerprint;
  }

  async #emptyTarget(): Promise<{ run: string; url: string; target: Client }> {
    this.#runs += 1;
    const run = `${this.#name}_run${this.#runs}`;
    await this.#stack.target.createDatabase(run);
    const url = this.#stack.target.url(run);
    const target = await connect(url);
    await target.query(tableSql);
    return { run, url, target };
  }

  async #dropTarget(run: string, target: Client): Promise<void> {
    await target.end();
    await this.#stack.target.dropDatabase(run);
  }

  /** Debezium has one only if it wants to. */
  async #dropSlot(run: string): Promise<void> {
    await this.source.query("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1", [run]);
  }
}

function publicationOf(name: string): string {
  return `${name}_pub`;
}
