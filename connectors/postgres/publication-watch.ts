/**
 * Holds a connector's publication against its service's tables, before it captures and at every heartbeat after. What an altered publication leaves out
 * vanishes without any error, so the connector stops; what was out and is in again is marked as not copied, and so is a table whose rows came, went or
 * changed by a statement that is in no stream.
 *
 * The marks are at the target, and a target that is away holds up no capture: the list is written as soon as it answers.
 *
 * Source: ARCHITECTURE.md, "Connector".
 */
import type { ClientBase } from "pg";
import type { ConnectorConfiguration, ServiceConfiguration } from "../../services/runtime/configuration.ts";
import type { Log } from "../../services/runtime/log.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { fullName, type TableName } from "../../services/runtime/table-pattern.ts";
import { copyCure } from "./copy-cure.ts";
import { type CapturedTable, recordCaptured } from "./captured-tables.ts";
import { judgeShapes, withShapes } from "./judge-shapes.ts";
import { type Lsn, parseLsn } from "./lsn.ts";
import { partitionFaults, readPartitioned } from "./partition-faults.ts";
import { capturedTables, readPublication, refusePublication } from "./publication.ts";
import { serviceTables } from "./service-tables.ts";
import { endSession, openSession, sessionError, sqlState } from "./session.ts";

export interface PublicationWatchContext {
  readonly connector: ConnectorConfiguration;
  readonly service: ServiceConfiguration;
  readonly log: Log;
}

/** Milliseconds between looks, whatever the heartbeat: a look reads the list of all tables. */
const shortestMs = 1000;

/** SQLSTATE of a statement that took too long: query_canceled. */
const timedOut = "57014";

/** Milliseconds within which the last look counts as a moment ago. */
const recentMs = 60_000;

/** Milliseconds after which the target is told again what it was told already: restored to an earlier state, it has lost list and marks. */
const againMs = 600_000;

/** As many transactions that truncate one table as are remembered between two looks. */
const remembered = 8;

export class PublicationWatch {
  readonly #source: ClientBase;
  readonly #context: PublicationWatchContext;
  readonly #applicationName: string;
  /** The list that the target has. */
  #recorded = "";
  #recordedAt = -Infinity;
  /** When it was written there. */
  #writtenAt = -Infinity;
  #complained = false;
  /** Whether the next look is not to wait for its time. */
  #due = false;
  /** Undefined until the stream is read. */
  #received: (() => Lsn) | undefined;
  /** What the stream had, and its reader left out. */
  readonly #passedBy = new Set<string>();
  /** OIDs of the tables that are partitioned. */
  #partitioned: ReadonlySet<number> = new Set();
  /** By OID: transactions of the stream that truncated it, the newest last. */
  readonly #truncated = new Map<number, readonly string[]>();
  /** Where the stream has to come before it can be said that it has no such TRUNCATE. */
  readonly #awaited = new Map<string, Lsn>();

  constructor(source: ClientBase, context: PublicationWatchContext, applicationName: string) {
    this.#source = source;
    this.#context = context;
    this.#applicationName = applicationName;
  }

  /** Whether one of the tables was partitioned at the last look. */
  get hasPartitioned(): boolean {
    return this.#partitioned.size > 0;
  }

  /** @param received how far the stream has been read */
  follow(received: () => Lsn): void {
    this.#received = received;
  }

  /** The stream has a TRUNCATE. @param xid the transaction */
  truncated(oid: number, xid: number): void {
    if (!this.#partitioned.has(oid)) return;
    this.#truncated.set(oid, [...(this.#truncated.get(oid) ?? []), String(xid)].slice(-remembered));
    // A start after this one would not see it again.
    this.#due = true;
  }

  /** The stream has something that is left out: a table perhaps of which `up`, with another list, has just written that it is captured. */
  passedBy(what: string): void {
    this.#passedBy.add(what);
    this.#due = true;
  }

  /**
   * @param elsewhere whether another process reads the slot: it knows what its stream has, and when it looked last, and this one would judge without
   * @returns how many tables are captured
   * @throws OfftakeError TABLES_UNRESOLVED, PUBLICATION_MISSING, PUBLICATION_DIFFERS, TABLE_UNSUITABLE
   */
  async look(elsewhere = false): Promise<number> {
    const { connector, service } = this.#context;
    // Only its own: another service's table that was dropped is no reason to stop this one.
    const tables = (await serviceTables(this.#source, [service])).get(service.name) ?? [];
    const publication = await readPublication(this.#source, connector.publication);
    const captured = capturedTables(refusePublication(connector.publication, publication, tables), tables);
    const partitioned = await readPartitioned(this.#source, tables);
    const shaped = await withShapes(this.#source, captured, tables, partitioned);
    this.#partitioned = new Set(shaped.flatMap(({ shape }) => (shape?.partitioned === true ? [shape.oid] : [])));
    if (elsewhere) this.#due = true;
    else await this.#record(shaped, tables);
    for (const each of partitioned) {
      const [fault] = partitionFaults(each);
      if (fault !== undefined) throw new OfftakeError("TABLE_UNSUITABLE", `The table ${fullName(each)} ${fault.what}.`, { cure: fault.cure });
    }
    return tables.length;
  }

  /** Until it is stopped. @throws OfftakeError as look() */
  async run(signal: AbortSignal): Promise<void> {
    const every = Math.max(this.#context.connector.heartbeatEveryMs, shortestMs);
    let lookedAt = performance.now();
    while ((await waitOrStop(shortestMs, signal)) === "elapsed") {
      if (!this.#due && performance.now() - lookedAt < every) continue;
      lookedAt = performance.now();
      this.#due = false;
      await this.look().catch((error: unknown) => this.#postpone(error));
    }
  }

  /** A migration that holds a partitioned table for long keeps everybody from looking at it; the stream goes on, and so does its reader. */
  #postpone(error: unknown): void {
    if (sqlState(error) !== timedOut) throw error;
    this.#context.log.warn(
      "the source did not let its tables be looked at in time, most likely since one of them is locked: looked at again in a moment",
    );
    this.#due = true;
  }

  async #record(captured: readonly CapturedTable[], tables: readonly TableName[]): Promise<void> {
    const list = JSON.stringify([captured, [...this.#passedBy]]);
    if (list === this.#recorded && performance.now() - this.#writtenAt < againMs) {
      this.#recordedAt = performance.now();
      return;
    }
    const { connector, service, log } = this.#context;
    const { rows } = await this.#source.query<{ lsn: string }>("SELECT pg_current_wal_insert_lsn()::text AS lsn");
    const written = parseLsn(rows[0]!.lsn);
    const judge = judgeShapes(this.#source, service, tables, {
      recently: performance.now() - this.#recordedAt < recentMs,
      truncatedIn: (oid, transaction) => this.#truncatedIn(oid, transaction, written),
    });
    const { url } = service.target;
    try {
      const target = await openSession(url, { side: "target", applicationName: this.#applicationName, statementTimeoutMs: 10_000 });
      try {
        const { marked, undecided } = await recordCaptured(target, connector.name, captured, [], judge);
        for (const { name, reason } of marked)
          log.error(
            { table: name, reason, cure: copyCure({ service: service.name, connector: connector.name }, { table: name, reason }) },
            "the table is not at the target what it is at the source: it has to be copied",
          );
        this.#recorded = undecided ? "" : list;
        this.#due ||= undecided;
        this.#recordedAt = performance.now();
        this.#writtenAt = this.#recordedAt;
      } finally {
        await endSession(target);
      }
      this.#complained = false;
    } catch (error) {
      const err = sessionError(error, "target", url);
      if (!this.#complained)
        log.warn({ err }, "the list of captured tables is not at the target yet: whether one of them was out for a while is not known");
      this.#complained = true;
    }
  }

  /** @param written the end of the WAL when the table was looked at */
  #truncatedIn(oid: number, transaction: string, written: Lsn): boolean | undefined {
    if (this.#truncated.get(oid)?.includes(transaction) === true) return true;
    const key = `${oid}.${transaction}`;
    const awaited = this.#awaited.get(key) ?? written;
    this.#awaited.set(key, awaited);
    return this.#received === undefined || this.#received() < awaited ? undefined : false;
  }
}
