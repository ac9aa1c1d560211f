/**
 * Reads one chunk of a table: a snapshot, the table as it is in it, and the rows, in one transaction that holds nothing of the monolith for longer than that; and
 * then where the stream has to come before everything that the snapshot sees is in the topic.
 *
 * Source: ARCHITECTURE.md, "Snapshot".
 */
import type { Client } from "pg";
import { interrupted, messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import { quotedName, type TableName } from "../../services/runtime/table-pattern.ts";
import { mostBytes } from "./chunk-size.ts";
import { CopyOut } from "./copy-out.ts";
import { emitHeartbeat } from "./heartbeat.ts";
import type { Lsn } from "./lsn.ts";
import { endSession, openSession, sessionError, socketOf, sqlState } from "./session.ts";
import { SnapshotRows } from "./snapshot-rows.ts";
import { absentStatement, keysStatement, rangeStatement } from "./snapshot-statement.ts";
import { readSnapshotTable, type SnapshotTable, tableGone } from "./snapshot-table.ts";
import { Visibility } from "./snapshot-visibility.ts";

/** Milliseconds of a statement: a chunk is to take half a second. */
const statementTimeoutMs = 30_000;

/** SQLSTATEs of a table, and of a schema, that does not exist. */
const goneStates = ["42P01", "3F000"];

/** SQLSTATEs of a statement that took too long, of a lock that somebody else has, and of a deadlock. */
const busyStates = ["57014", "55P03", "40P01"];

/** What is asked for: rows behind a key, in the index's order; or the rows with these keys; or, of these keys, those without a row. */
export type Wanted =
  | { readonly after: readonly string[] | undefined; readonly limit: number }
  | { readonly columns: readonly string[]; readonly keys: readonly (readonly string[])[]; readonly absent?: boolean };

export interface Chunk {
  readonly table: SnapshotTable;
  readonly rows: SnapshotRows;
  readonly visibility: Visibility;
  /** Everything that it sees was in the WAL before. */
  readonly passed: Lsn;
  /** Whether the table ends with it; of keys, whether none of their rows was left for another. */
  readonly isLast: boolean;
  /** Of the read alone. */
  readonly ms: number;
}

export class ChunkReader {
  readonly #url: Secret;
  readonly #applicationName: string;
  readonly #publication: string;
  #client: Client | undefined;
  /** Of the client. */
  #copyOut: CopyOut | undefined;
  /** Of chunks that nobody needs any more: new memory for each was a mark-compact of V8's for every two chunks. */
  readonly #unused: SnapshotRows[] = [];
  #ended = false;

  constructor(url: Secret, applicationName: string, publication: string) {
    this.#url = url;
    this.#applicationName = applicationName;
    this.#publication = publication;
  }

  /**
   * Asks something outside of any chunk.
   *
   * @throws OfftakeError SNAPSHOT_DELAYED, SOURCE_UNREACHABLE, SOURCE_REFUSED, and what `ask` throws of its own
   */
  async ask<T>(ask: (client: Client) => Promise<T>): Promise<T> {
    try {
      if (this.#ended) throw interrupted("a chunk was read");
      this.#client ??= await this.#open();
      return await ask(this.#client);
    } catch (error) {
      await this.#drop();
      if (busyStates.includes(sqlState(error) ?? ""))
        throw new OfftakeError("SNAPSHOT_DELAYED", `A chunk was not read in time: ${messageOf(error)} (${sqlState(error)}).`, { cause: error });
      throw sessionError(error, "source", this.#url);
    }
  }

  /** @throws OfftakeError SNAPSHOT_TABLE_UNSUITABLE, and as ask() */
  async table(name: TableName): Promise<SnapshotTable> {
    return this.ask(async (client) => readSnapshotTable(client, name, this.#publication));
  }

  /**
   * @param accepts whether a chunk of this visibility is of use; asked before anything is read
   * @returns undefined when it is not
   * @throws OfftakeError SNAPSHOT_TABLE_UNSUITABLE, and as ask()
   */
  async read(name: TableName, wanted: Wanted, accepts: (visibility: Visibility) => boolean): Promise<Chunk | undefined> {
    const read = await this.ask(async (client) => this.#read(client, name, wanted, accepts));
    if (read === undefined) return undefined;
    return { ...read, passed: await this.ask(emitHeartbeat) };
  }

  /** The chunk's memory may be another's. One with a giant's is left to the collector. */
  recycle({ rows }: Chunk): void {
    if (rows.bytes.length <= 2 * mostBytes) this.#unused.push(rows);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#drop();
  }

  /** The next question opens another. */
  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#copyOut = undefined;
    if (client !== undefined) await endSession(client);
  }

  async #read(
    client: Client,
    name: TableName,
    wanted: Wanted,
    accepts: (visibility: Visibility) => boolean,
  ): Promise<Omit<Chunk, "passed"> | undefined> {
    // Locked before the snapshot is taken: what the snapshot sees of the table is then what the lock keeps.
    await client
      .query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE ${quotedName(name)} IN ACCESS SHARE MODE`)
      .catch((error: unknown) => {
        throw goneStates.includes(sqlState(error) ?? "") ? tableGone(name) : error;
      });
    const { rows: snapshots } = await client.query<{ snapshot: string }>("SELECT pg_current_snapshot()::text AS snapshot");
    const visibility = new Visibility(snapshots[0]!.snapshot);
    if (!accepts(visibility)) {
      await client.query("ROLLBACK");
      return undefined;
    }
    const table = await readSnapshotTable(client, name, this.#publication);
    const rows = this.#unused.pop() ?? new SnapshotRows();
    rows.begin(table.relation.columns.length);
    const started = performance.now();
    const cut = await this.#copy(client, statementFor(table, wanted), rows);
    const ms = performance.now() - started;
    if (!cut) await client.query("COMMIT");
    return { table, rows, visibility, ms, isLast: !cut && (!("limit" in wanted) || rows.count < wanted.limit) };
  }

  /** @returns whether it was ended early: rows come in order, and those that have come are enough for once */
  async #copy(client: Client, statement: string, rows: SnapshotRows): Promise<boolean> {
    let cut = false;
    this.#copyOut ??= new CopyOut(client);
    const copied = this.#copyOut.run(statement, (bytes, other) => {
      if (cut) return;
      rows.push(bytes, other);
      if (rows.size < mostBytes) return;
      cut = true;
      socketOf(client).destroy();
    });
    await copied.catch((error: unknown) => {
      if (!cut) throw error;
    });
    if (cut) await this.#drop();
    return cut;
  }

  async #open(): Promise<Client> {
    return openSession(this.#url, {
      side: "source",
      applicationName: this.#applicationName,
      statementTimeoutMs,
      settings: {
        // The walk is the index's, whatever the planner thinks of it.
        enable_seqscan: "off",
        enable_sort: "off",
        max_parallel_workers_per_gather: "0",
        jit: "off",
        lock_timeout: "2000",
        // A heartbeat must not wait for a standby that is away.
        synchronous_commit: "local",
      },
    });
  }
}

function statementFor(table: SnapshotTable, wanted: Wanted): string {
  if ("after" in wanted) return rangeStatement(table, wanted.after, wanted.limit);
  return (wanted.absent === true ? absentStatement : keysStatement)(table, wanted.columns, wanted.keys);
}
