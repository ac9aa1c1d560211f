/**
 * A journal that shows in the process's metrics how far its copies are. What a copy had done before this process began is not counted again: a rate is one of
 * rows that were copied, and not of a restart.
 */
import type { SnapshotJob, SnapshotJournal, SnapshotProgress, SnapshotStart } from "../../connectors/postgres/snapshot-journal.ts";
import type { OfftakeError } from "../runtime/errors.ts";
import type { Metrics } from "../runtime/metrics.ts";

interface Measured {
  readonly table: string;
  /** Undefined where nobody knows. */
  estimatedRows: number | undefined;
  rows: number;
  bytes: number;
  /** Since when this process copies it, and what was done by then. */
  readonly from: { at: number; rows: number };
}

export class MeasuredJournal implements SnapshotJournal {
  readonly #journal: SnapshotJournal;
  readonly #metrics: Metrics;
  readonly #service: string;
  readonly #jobs = new Map<string, Measured>();

  constructor(journal: SnapshotJournal, metrics: Metrics, service: string) {
    this.#journal = journal;
    this.#metrics = metrics;
    this.#service = service;
  }

  async open(connector: string): Promise<SnapshotJob[]> {
    const jobs = await this.#journal.open(connector);
    // A list of keys is no part of a table's copy: its rows would be counted twice.
    for (const { id, table, rows, bytes, estimatedRows, wantedColumns } of jobs)
      if (wantedColumns === undefined && !this.#jobs.has(id))
        this.#jobs.set(id, { table, estimatedRows, rows, bytes, from: { at: performance.now(), rows } });
    for (const id of [...this.#jobs.keys()].filter((each) => !jobs.some((job) => job.id === each))) this.#ended(id);
    return jobs;
  }

  async request(connector: string, service: string, tables: readonly string[], reason: string): Promise<void> {
    await this.#journal.request(connector, service, tables, reason);
  }

  async keys(id: string): Promise<readonly (readonly string[])[]> {
    return this.#journal.keys(id);
  }

  async waits(id: string, what: string | undefined): Promise<void> {
    await this.#journal.waits(id, what);
  }

  async started(id: string, start: SnapshotStart): Promise<string | undefined> {
    const reason = await this.#journal.started(id, start);
    const job = this.#jobs.get(id);
    if (job === undefined) return reason;
    Object.assign(job, { estimatedRows: start.estimatedRows, rows: 0, bytes: 0 });
    Object.assign(job.from, { at: performance.now(), rows: 0 });
    this.#show(job);
    return reason;
  }

  async progress(id: string, progress: SnapshotProgress): Promise<boolean> {
    const goesOn = await this.#journal.progress(id, progress);
    const job = this.#jobs.get(id);
    if (job === undefined) return goesOn;
    const labels = { service: this.#service, table: job.table };
    this.#metrics.snapshotRowsTotal.inc(labels, Math.max(progress.rows - job.rows, 0));
    this.#metrics.snapshotBytesTotal.inc(labels, Math.max(progress.bytes - job.bytes, 0));
    Object.assign(job, { rows: progress.rows, bytes: progress.bytes });
    this.#show(job);
    return goesOn;
  }

  async copied(id: string): Promise<void> {
    await this.#journal.copied(id);
    this.#ended(id);
  }

  async failed(id: string, error: OfftakeError): Promise<void> {
    await this.#journal.failed(id, error);
    this.#ended(id);
  }

  async close(): Promise<void> {
    await this.#journal.close();
  }

  #show({ table, rows, estimatedRows, from }: Measured): void {
    const labels = { service: this.#service, table };
    if (estimatedRows === undefined || estimatedRows < rows) {
      // No figure at all rather than one of statistics that the copy has passed by.
      this.#metrics.snapshotProgressRatio.remove(labels);
      this.#metrics.snapshotRemainingSeconds.remove(labels);
      return;
    }
    if (estimatedRows === 0) return;
    this.#metrics.snapshotProgressRatio.set(labels, rows / estimatedRows);
    const perSecond = ((rows - from.rows) * 1000) / Math.max(performance.now() - from.at, 1);
    if (perSecond > 0) this.#metrics.snapshotRemainingSeconds.set(labels, (estimatedRows - rows) / perSecond);
  }

  #ended(id: string): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    this.#jobs.delete(id);
    const labels = { service: this.#service, table: job.table };
    this.#metrics.snapshotProgressRatio.set(labels, 1);
    this.#metrics.snapshotRemainingSeconds.set(labels, 0);
  }
}
