/**
 * The source's part of a pass: reads, positions behind them, and the wait until it sees what was applied elsewhere.
 *
 * Positions do not say what a read of the source sees: a transaction that waits for a synchronous standby is in the WAL, in the topic and at the target while the source still
 * gives the row before. And the number of the next transaction that a snapshot shows (its xmax) does not say it either: that is one more than the newest that has ended, and
 * lies below one that waits behind it. So the wait is for those who hold the table's lock, which a transaction does until others see it.
 */
import { setTimeout } from "node:timers/promises";
import type { Client } from "pg";
import { emitHeartbeat } from "../../connectors/postgres/heartbeat.ts";
import type { Lsn } from "../../connectors/postgres/lsn.ts";
import { refuseStandby } from "../../connectors/postgres/refuse-standby.ts";
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import { readSuspects } from "../../connectors/postgres/snapshot-suspects.ts";
import { readLoad, tooMuch } from "../../connectors/postgres/source-load.ts";
import { interrupted, OfftakeError } from "../runtime/errors.ts";
import type { Secret } from "../runtime/secret.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import type { SideTable } from "./compared-table.ts";
import { inSnapshot, isBusy, readingSettings } from "./side-snapshot.ts";

/** Of a read. */
const defaultTimeoutMs = 10_000;

/** Between two looks. */
const lookMs = 20;

/** Between two looks at how busy it is. */
const restMs = 100;

/** Between two heartbeats: reads that end meanwhile share one. */
const heartbeatMs = 20;

/** The cluster whose positions these are. */
export interface Cluster {
  readonly systemIdentifier: string;
  readonly timeline: number;
}

// The timeline of the WAL that is being written: the control file's is that of the last checkpoint.
const clusterSql = `
  SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system,
         ('x' || pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::bit(32)::int4 AS timeline`;

export class SourceSide {
  readonly cluster: Cluster;
  readonly #url: Secret;
  readonly #reading: Client;
  /** Writes heartbeats: the other session cannot. */
  readonly #writing: Client;
  /** The next heartbeat, as long as it has not left. */
  #next: Promise<Lsn> | undefined;
  #leftAt = 0;
  /** Over when the newest that has left is answered: on a busy source that takes longer than until the next one. */
  #flight: Promise<void> = Promise.resolve();
  /** Over when the newest read is. */
  #turn: Promise<void> = Promise.resolve();

  private constructor(url: Secret, reading: Client, writing: Client, cluster: Cluster) {
    this.#url = url;
    this.#reading = reading;
    this.#writing = writing;
    this.cluster = cluster;
  }

  /** @throws OfftakeError SOURCE_UNREACHABLE, SOURCE_REFUSED, SOURCE_IN_RECOVERY */
  static async open(url: Secret, applicationName: string, statementTimeoutMs = defaultTimeoutMs): Promise<SourceSide> {
    const options = { side: "source", applicationName, statementTimeoutMs } as const;
    const reading = await openSession(url, { ...options, settings: readingSettings });
    try {
      await refuseStandby(reading, url);
      const { rows } = await reading.query<{ system: string; timeline: number }>(clusterSql);
      const { system, timeline } = rows[0]!;
      // A heartbeat must not wait for a standby that is away.
      const writing = await openSession(url, { ...options, settings: { synchronous_commit: "local", default_transaction_read_only: "off" } });
      return new SourceSide(url, reading, writing, { systemIdentifier: system, timeline });
    } catch (error) {
      await endSession(reading);
      throw sessionError(error, "source", url);
    }
  }

  /** For catalogs. @throws OfftakeError SOURCE_UNREACHABLE, SOURCE_REFUSED, RECONCILE_STALLED */
  async catalog<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return this.#ask(async () => work(this.#reading));
  }

  /** @throws OfftakeError SOURCE_UNREACHABLE, SOURCE_REFUSED */
  async read<T>(table: SideTable, work: (client: Client) => Promise<T>): Promise<T> {
    const before = this.#turn;
    const read = this.#ask(async () => {
      // Its snapshot is that of the session: two reads at a time would be one transaction.
      await before;
      return inSnapshot(this.#reading, table, work);
    });
    this.#turn = read.then(
      () => undefined,
      () => undefined,
    );
    return read;
  }

  /** Where the stream has to come before all is in it that reads of the source have seen so far; a heartbeat makes sure that it does. */
  async passed(): Promise<Lsn> {
    this.#next ??= this.#ask(async () => {
      await this.#flight;
      await setTimeout(Math.max(this.#leftAt + heartbeatMs - performance.now(), 0));
      this.#next = undefined;
      this.#leftAt = performance.now();
      const flight = emitHeartbeat(this.#writing);
      this.#flight = flight.then(
        () => undefined,
        () => undefined,
      );
      return flight;
    });
    return this.#next;
  }

  /**
   * Waits while the source has so much to do that a range more would be at its users' cost.
   *
   * @param maxActiveSessions of the service's `snapshot`; undefined for no limit
   * @throws OfftakeError RECONCILE_STALLED when it takes longer than `patienceMs`, INTERRUPTED
   */
  async rests(maxActiveSessions: number | undefined, patienceMs: number, signal: AbortSignal): Promise<void> {
    if (maxActiveSessions === undefined) return;
    const until = performance.now() + patienceMs;
    for (;;) {
      const reason = tooMuch(await this.#ask(async () => readLoad(this.#reading)), maxActiveSessions);
      if (reason === undefined) return;
      if (performance.now() >= until) throw new OfftakeError("RECONCILE_STALLED", `The pass waits for ${reason}.`);
      if ((await waitOrStop(restMs, signal)) === "stopped") throw interrupted("the tables were compared");
    }
  }

  /**
   * Waits until a read sees all that has been applied so far of a table.
   *
   * @param patienceMs how long
   * @returns the transaction that is not seen even then
   */
  async seesApplied(table: SideTable, patienceMs: number, signal: AbortSignal): Promise<number | undefined> {
    return this.#ask(async () => {
      const { rows } = await this.#writing.query<{ now: string }>("SELECT clock_timestamp()::text AS now");
      const since = rows[0]!.now;
      const until = performance.now() + patienceMs;
      for (let left = await readSuspects(this.#writing, table.oid, since); ; left = await readSuspects(this.#writing, table.oid, since, left)) {
        if (left.length === 0 || performance.now() >= until) return left[0];
        if ((await waitOrStop(lookMs, signal)) === "stopped") return left[0];
      }
    });
  }

  async end(): Promise<void> {
    await Promise.all([endSession(this.#reading), endSession(this.#writing)]);
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isBusy(error)) throw busy(this.#url, error);
      throw sessionError(error, "source", this.#url);
    }
  }
}

function busy(url: Secret, cause: unknown): OfftakeError {
  return new OfftakeError(
    "RECONCILE_STALLED",
    `The source at ${url.describe()} does not answer in time: somebody has locked the table, or it is busy.`,
    { cause },
  );
}
