/**
 * A connector that copies tables, with its journal in memory: what it would find after a restart is what this object holds.
 */
import { runConnector } from "../../../connectors/postgres/connector.ts";
import type { SnapshotJob, SnapshotJournal, SnapshotProgress, SnapshotStart } from "../../../connectors/postgres/snapshot-journal.ts";
import type { SnapshotSettings } from "../../../services/runtime/configuration.ts";
import type { OfftakeError } from "../../../services/runtime/errors.ts";
import type { Pipeline } from "../../support/pipeline.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";
import type { TopicEvent } from "../../support/topic-events.ts";

interface MemoryJob extends SnapshotJob {
  readonly state: "open" | "copied" | "failed" | "cancelled";
  readonly reason: string;
  readonly error?: OfftakeError;
  /** Keys behind which it stood, oldest first. */
  readonly keys: readonly (readonly string[])[];
  /** Keys that are to be read. */
  readonly wanted: readonly (readonly string[])[];
  /** What it has waited for, oldest first. */
  readonly waits: readonly string[];
}

export class MemoryJournal implements SnapshotJournal {
  readonly jobs: MemoryJob[] = [];
  readonly requested: string[] = [];
  /** Asked before each call: what it throws, the call throws. */
  before: (call: keyof SnapshotJournal) => void | Promise<void> = () => {};

  /** @param tables to be copied, as schema.table */
  constructor(...tables: string[]) {
    for (const table of tables) this.add(table);
  }

  /** The newest of that table. */
  job(table: string): MemoryJob | undefined {
    return this.jobs.findLast((job) => job.table === table);
  }

  async open(): Promise<SnapshotJob[]> {
    await this.before("open");
    return this.jobs.filter(({ state }) => state === "open");
  }

  /** What the connector asks for by itself is noted, and not done: a test says what is copied, and when. */
  async request(_connector: string, _service: string, tables: readonly string[], reason: string): Promise<void> {
    await this.before("request");
    for (const table of tables) this.requested.push(`${table}: ${reason}`);
  }

  /** @param wanted keys, for a job that reads them and not the whole table. @param reason what its table is marked for. @returns the job's id */
  add(table: string, wantedColumns?: readonly string[], wanted: readonly (readonly string[])[] = [], reason = "test"): string {
    const id = String(this.jobs.length + 1);
    const begin = { keyColumns: undefined, lastKey: undefined, tableOid: undefined, movesFrom: undefined, rows: 0, bytes: 0, keys: [], waits: [] };
    this.jobs.push({ id, table, reason, state: "open", wantedColumns, wanted, ...begin });
    return id;
  }

  async keys(id: string): Promise<readonly (readonly string[])[]> {
    await this.before("keys");
    return this.jobs.find((job) => job.id === id)!.wanted;
  }

  async waits(id: string, what: string | undefined): Promise<void> {
    await this.before("waits");
    if (what !== undefined) this.#change(id, (job) => ({ waits: [...job.waits, what] }));
  }

  async started(id: string, { tableOid, keyColumns }: SnapshotStart): Promise<string | undefined> {
    await this.before("started");
    this.#change(id, () => ({ tableOid, keyColumns, lastKey: undefined, rows: 0, bytes: 0 }));
    return this.jobs.find((job) => job.id === id)?.reason;
  }

  async progress(id: string, { lastKey, rows, bytes, movesFrom }: SnapshotProgress): Promise<boolean> {
    await this.before("progress");
    return this.#change(id, (job) => ({ lastKey, rows, bytes, movesFrom, keys: lastKey === undefined ? job.keys : [...job.keys, lastKey] }));
  }

  async copied(id: string): Promise<void> {
    await this.before("copied");
    this.#change(id, () => ({ state: "copied" }));
  }

  async failed(id: string, error: OfftakeError): Promise<void> {
    await this.before("failed");
    this.#change(id, () => ({ state: "failed", error }));
  }

  async close(): Promise<void> {
    await this.before("close");
  }

  /** It was asked for once more. */
  renew(table: string, reason: string): void {
    this.#change(this.job(table)!.id, () => ({ reason }));
  }

  cancel(table: string): void {
    this.#change(this.job(table)!.id, () => ({ state: "cancelled" }));
  }

  #change(id: string, change: (job: MemoryJob) => Partial<MemoryJob>): boolean {
    const at = this.jobs.findIndex((job) => job.id === id && job.state === "open");
    if (at !== -1) this.jobs[at] = { ...this.jobs[at]!, ...change(this.jobs[at]!) };
    return at !== -1;
  }
}

export function startCopying(pipeline: Pipeline, journal: SnapshotJournal, snapshot: Partial<SnapshotSettings> = {}): RunningUnit {
  const { configuration, connector, metrics } = pipeline;
  const service = { ...pipeline.service, snapshot: { ...pipeline.service.snapshot, ...snapshot } };
  return startUnit(async ({ log, working, interruption, signal }) =>
    runConnector({ configuration, connector, service, log, metrics, journal, capturing: working, interruption }, signal),
  );
}

/** What a reader of the topic has of a table in the end: by key, the row as JSON. */
export function tableOf(events: readonly TopicEvent[], table: string): Map<string, string> {
  const rows = new Map<string, string>();
  for (const { op, source, key, after } of events) {
    if (source.table !== table) continue;
    if (op === "t") rows.clear();
    else if (op === "d") rows.delete(JSON.stringify(key));
    else rows.set(JSON.stringify(key), JSON.stringify(after));
  }
  return rows;
}
