/**
 * The copies of one connector: takes jobs from the journal, and has as many tables copied at a time as the monolith is to bear. Whatever goes wrong with a copy is
 * the copy's own: the stream goes on beside it.
 *
 * Source: ARCHITECTURE.md, "Snapshot".
 */
import { Backoff } from "../../services/runtime/backoff.ts";
import { asOfftakeError, OfftakeError } from "../../services/runtime/errors.ts";
import type { Log } from "../../services/runtime/log.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import { fullName, type TableName } from "../../services/runtime/table-pattern.ts";
import type { SnapshotJob, SnapshotJournal } from "./snapshot-journal.ts";
import { KeyCopy } from "./key-copy.ts";
import type { CopyParts } from "./table-chunks.ts";
import { TableCopy } from "./table-copy.ts";

/** Milliseconds between two looks for jobs. */
const lookEveryMs = 1000;

/** Milliseconds before a copy is begun again that has failed for a reason that passes, and before the journal is asked again. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;

export interface SnapshotsContext {
  readonly connector: string;
  readonly service: string;
  readonly journal: SnapshotJournal;
  /** Tables that are copied at a time. */
  readonly connections: number;
  /** The service's tables, as the source has them. */
  readonly tables: () => Promise<readonly TableName[]>;
  /** Tables that are to be copied without anybody asking for it: schema.table, and why; undefined while that is not known. */
  readonly wanted: () => Promise<ReadonlyMap<string, string> | undefined>;
  readonly log: Log;
}

export class Snapshots {
  readonly #context: SnapshotsContext;
  readonly #parts: Omit<CopyParts, "journal">;
  readonly #backoff = new Backoff(firstPauseMs, longestPauseMs);
  /** By job: how to stop its copy. */
  readonly #running = new Map<string, { readonly stop: AbortController; readonly ended: Promise<void> }>();
  /** By job: when it may be begun again. */
  readonly #paused = new Map<string, { readonly until: number; readonly backoff: Backoff }>();
  /** Tables that were wanted at the last look. */
  #asked: ReadonlySet<string> = new Set();
  #complained = false;

  constructor(context: SnapshotsContext, parts: Omit<CopyParts, "journal">) {
    this.#context = context;
    this.#parts = parts;
  }

  /** Until it is stopped. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    for (let pause = 0; (await waitOrStop(pause, signal)) === "elapsed";) {
      try {
        await this.#look(signal);
        this.#recovered();
        pause = lookEveryMs;
      } catch (error) {
        this.#complain(error);
        pause = this.#backoff.next();
      }
    }
    await Promise.all([...this.#running.values()].map(async ({ ended }) => ended));
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { journal, connector, connections } = this.#context;
    await this.#request();
    const jobs = await journal.open(connector);
    for (const [id, { stop }] of this.#running) if (!jobs.some((job) => job.id === id)) stop.abort();
    // A repair does not wait for the hours of a copy: lists of keys have a connection of their own, one after the other.
    for (const [some, most] of [
      [jobs.filter(({ wantedColumns }) => wantedColumns === undefined), connections],
      [jobs.filter(({ wantedColumns }) => wantedColumns !== undefined), 1],
    ] as const) {
      let free = most - some.filter(({ id }) => this.#running.has(id)).length;
      for (const job of some) {
        if (free <= 0) break;
        if (this.#running.has(job.id) || (this.#paused.get(job.id)?.until ?? 0) > performance.now()) continue;
        this.#start(job, signal);
        free -= 1;
      }
    }
  }

  /** Once for each mark: it stays for a moment when its table has been copied, until that is applied. */
  async #request(): Promise<void> {
    const { journal, connector, service, wanted } = this.#context;
    const tables = await wanted();
    if (tables === undefined) return;
    for (const [table, reason] of tables) if (!this.#asked.has(table)) await journal.request(connector, service, [table], reason);
    this.#asked = new Set(tables.keys());
  }

  #start(job: SnapshotJob, signal: AbortSignal): void {
    const stop = new AbortController();
    const ended = this.#copy(job, AbortSignal.any([signal, stop.signal])).finally(() => this.#running.delete(job.id));
    this.#running.set(job.id, { stop, ended });
  }

  async #copy(job: SnapshotJob, signal: AbortSignal): Promise<void> {
    const { tables, log } = this.#context;
    const { id, table, wantedColumns } = job;
    try {
      const name = (await tables()).find((each) => fullName(each) === table);
      if (name === undefined)
        throw new OfftakeError("SNAPSHOT_TABLE_UNSUITABLE", `The table ${table} cannot be copied: it is not among the service's tables.`, {
          cure: "Add it to `tables` of the service, and run `offtake up`.",
        });
      const parts = { ...this.#parts, journal: this.#patient(signal) };
      if (wantedColumns === undefined) {
        log.info({ table, job: id, rows: job.rows }, job.lastKey === undefined ? "copying" : "copying goes on");
        const rows = await new TableCopy(parts, job, name, signal).run();
        log.info({ table, job: id, rows }, rows === undefined ? "the copy was cancelled" : "copied");
      } else {
        log.info({ table, job: id, reason: job.reason }, "reading keys again");
        const keys = await new KeyCopy(parts, job, wantedColumns, name, signal).run();
        log.info({ table, job: id, keys }, keys === undefined ? "the reading of keys was cancelled" : "keys are read again");
      }
      this.#paused.delete(id);
    } catch (thrown) {
      await this.#failed(job, asOfftakeError(thrown), signal);
    }
  }

  async #failed({ id, table }: SnapshotJob, error: OfftakeError, signal: AbortSignal): Promise<void> {
    const { log } = this.#context;
    // It was stopped, or what it ran on has gone: the next start goes on.
    if (signal.aborted || error.code === "INTERRUPTED") return;
    if (error.retry === "yes") {
      const backoff = this.#paused.get(id)?.backoff ?? new Backoff(firstPauseMs, longestPauseMs);
      this.#paused.set(id, { until: performance.now() + backoff.next(), backoff });
      log.warn({ err: error, table, job: id }, "the copy is begun again where it was");
      return;
    }
    log.error({ err: error, table, job: id }, "the table cannot be copied; the stream goes on");
    await this.#patient(signal)
      .failed(id, error)
      .catch(() => undefined);
  }

  /** A journal that asks again until it is answered: the stream goes on while the control database is away, and copies wait. */
  #patient(signal: AbortSignal): CopyParts["journal"] & Pick<SnapshotJournal, "failed"> {
    const { journal } = this.#context;
    const again = async <T>(ask: () => Promise<T>): Promise<T> => {
      const backoff = new Backoff(firstPauseMs, longestPauseMs);
      for (;;) {
        try {
          const answer = await ask();
          this.#recovered();
          return answer;
        } catch (error) {
          this.#complain(error);
          if ((await waitOrStop(backoff.next(), signal)) === "stopped") throw error;
        }
      }
    };
    return {
      keys: async (id) => again(async () => journal.keys(id)),
      waits: async (id, what) => again(async () => journal.waits(id, what)),
      started: async (id, start) => again(async () => journal.started(id, start)),
      progress: async (id, progress) => again(async () => journal.progress(id, progress)),
      copied: async (id) => again(async () => journal.copied(id)),
      failed: async (id, error) => again(async () => journal.failed(id, error)),
    };
  }

  #complain(error: unknown): void {
    if (!this.#complained) this.#context.log.warn({ err: asOfftakeError(error) }, "copies of tables wait; the stream goes on");
    this.#complained = true;
  }

  #recovered(): void {
    this.#complained = false;
    this.#backoff.reset();
  }
}
