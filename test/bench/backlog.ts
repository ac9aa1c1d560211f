/**
 * A workload's WAL behind a slot, prepared once: every run, product's or peer's, drains a copy of that slot, so that all read the same bytes.
 *
 * Source: PostgreSQL documentation, "Replication Management Functions", pg_copy_logical_replication_slot.
 */
import type { Client } from "pg";
import type { LocalStack } from "../../infra/local/stack.ts";
import { connect, fingerprint } from "./bench-servers.ts";
import { sentinelSql, tableSql, type Workload } from "./workloads.ts";

const baseSlot = "bench_base";
export const publication = "bench_pub";

export class Backlog {
  readonly stack: LocalStack;
  readonly workload: Workload;
  /** At the source, and of the target's template. */
  readonly database: string;
  readonly source: Client;
  /** Count and hash of the source's table at the end. */
  readonly fingerprint: string;
  /** Everything was written before it. */
  readonly endLsn: string;
  #runs = 0;

  private constructor(stack: LocalStack, workload: Workload, source: Client, print: string, endLsn: string) {
    this.stack = stack;
    this.workload = workload;
    this.database = databaseOf(workload);
    this.source = source;
    this.fingerprint = print;
    this.endLsn = endLsn;
  }

  static async prepare(stack: LocalStack, workload: Workload, progress: (line: string) => void): Promise<Backlog> {
    const database = databaseOf(workload);
    progress(`${workload.name}: writing ${workload.what}`);
    await stack.source.createDatabase(database);
    await stack.target.createDatabase(database);
    const source = await connect(stack.source.url(database));
    const target = await connect(stack.target.url(database));
    for (const client of [source, target]) {
      await client.query(tableSql);
      await workload.prepare(client);
      await client.query("VACUUM ANALYZE bench");
    }
    await target.end();
    await source.query(`CREATE PUBLICATION ${publication} FOR TABLE bench`);
    await source.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [baseSlot]);
    await workload.write(source);
    await source.query(sentinelSql);
    await source.query("CHECKPOINT");
    const { rows } = await source.query<{ lsn: string }>("SELECT pg_current_wal_insert_lsn()::text AS lsn");
    return new Backlog(stack, workload, source, await fingerprint(source), rows[0]!.lsn);
  }

  /** Row changes that are published. */
  get changes(): number {
    return this.workload.rows + 1;
  }

  /** Of the source's table at the end. */
  get rowsAtEnd(): number {
    return Number(this.fingerprint.split(" ")[0]);
  }

  /** A name for the next run's slot, topic prefix and databases. */
  nextRun(): string {
    this.#runs += 1;
    return `${this.workload.name}_run${this.#runs}`;
  }

  /** A slot of its own, at the beginning of the backlog. */
  async copySlot(name: string): Promise<void> {
    await this.source.query("SELECT pg_copy_logical_replication_slot($1, $2)", [baseSlot, name]);
  }

  /** A slot that begins where the source is now. */
  async newSlot(name: string): Promise<void> {
    await this.source.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [name]);
  }

  /** @returns the process that reads a slot; 0 for none */
  async readerOf(slot: string): Promise<number> {
    const { rows } = await this.source.query<{ pid: number | null }>("SELECT active_pid AS pid FROM pg_replication_slots WHERE slot_name = $1", [
      slot,
    ]);
    return rows[0]?.pid ?? 0;
  }

  async dropSlot(name: string): Promise<void> {
    await this.source.query("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active", [name]);
  }

  /** A target database as it was before the workload's writes. */
  async targetDatabase(name: string): Promise<string> {
    const admin = await connect(this.stack.target.url());
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${this.database}`);
    await admin.query("CHECKPOINT");
    await admin.end();
    return this.stack.target.url(name);
  }

  /** Drops the base slot and the databases. */
  async end(): Promise<void> {
    await this.dropSlot(baseSlot);
    await this.source.end();
    await this.stack.source.dropDatabase(this.database);
    await this.stack.target.dropDatabase(this.database);
  }
}

function databaseOf({ name }: Workload): string {
  return `bench_${name}`;
}
