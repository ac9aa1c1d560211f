/**
 * Copies one table: chunk after chunk in the order of its key (table-chunks.ts). The next one is read while one waits. What is published is written down before more
 * is: a restart goes on behind it.
 *
 * Source: ARCHITECTURE.md, "Snapshot".
 */
import { fullName, type TableName } from "../../services/runtime/table-pattern.ts";
import { ChunkSize } from "./chunk-size.ts";
import { keyValues } from "./event-key.ts";
import { Tuple } from "./pgoutput.ts";
import type { Chunk } from "./snapshot-chunk.ts";
import type { SnapshotJob } from "./snapshot-journal.ts";
import type { SnapshotTable } from "./snapshot-table.ts";
import { type CopyParts, type ReadyChunk, TableChunks } from "./table-chunks.ts";

export class TableCopy {
  readonly #parts: CopyParts;
  readonly #job: SnapshotJob;
  readonly #name: TableName;
  readonly #signal: AbortSignal;
  readonly #chunks: TableChunks;
  readonly #size: ChunkSize;
  readonly #tuple = new Tuple();
  #rows: number;
  #bytes: number;
  /** What of the table's mark the end of the copy takes away. */
  #reason: string;

  /** @param signal ends it, wherever it is */
  constructor(parts: CopyParts, job: SnapshotJob, name: TableName, signal: AbortSignal) {
    this.#parts = parts;
    this.#job = job;
    this.#name = name;
    this.#signal = signal;
    this.#chunks = new TableChunks(parts, job.id, name, signal);
    this.#size = new ChunkSize(parts.rate.mostBytes);
    this.#rows = job.rows;
    this.#bytes = job.bytes;
    this.#reason = job.reason;
  }

  /**
   * @returns rows that were copied; undefined when the job was cancelled meanwhile
   * @throws OfftakeError SNAPSHOT_TABLE_UNSUITABLE, SNAPSHOT_TABLE_CHANGED, EVENT_TOO_LARGE, SCHEMA_REFUSED and others that a person has to mend;
   *   SOURCE_UNREACHABLE and others after which it may be begun again; INTERRUPTED
   */
  async run(): Promise<number | undefined> {
    try {
      return await this.#copy(await this.#begin(await this.#chunks.open()));
    } finally {
      await this.#chunks.end();
    }
  }

  /** @returns the key behind which it goes on */
  async #begin({ relation, estimatedRows, estimatedBytes }: SnapshotTable): Promise<readonly string[] | undefined> {
    const { id, keyColumns, lastKey, tableOid } = this.#job;
    const { walk } = this.#chunks;
    const isSame = tableOid === relation.oid && keyColumns?.join("\0") === walk.join("\0");
    if (lastKey !== undefined && isSame && (await this.#publishMoved())) return lastKey;
    // Of another table of that name, or by another key, it begins anew, and where nobody can tell what has moved.
    this.#rows = 0;
    this.#bytes = 0;
    const reason = await this.#parts.journal.started(id, { tableOid: relation.oid, keyColumns: walk, estimatedRows, estimatedBytes });
    // What was asked for since the job was looked at, its rows will have: with the reason of then, the mark would stay, and pass for one whose copy is on its way.
    this.#reason = reason ?? this.#reason;
    return undefined;
  }

  /** What has moved meanwhile to where the copy has been already. @returns false where that cannot be told */
  async #publishMoved(): Promise<boolean> {
    const { moved, pieces } = this.#parts;
    const { movesFrom } = this.#job;
    const chunks = this.#chunks;
    if (movesFrom === undefined) return false;
    // What the stream was not watched for is in the topic by then, and what comes later it is watched for.
    await chunks.unlessStopped(pieces.durable());
    const found = await moved.since(movesFrom, this.#name, chunks.walk, this.#signal);
    if (found === undefined) return false;
    await chunks.publishKeys({ ...found, absent: false });
    return true;
  }

  async #copy(begin: readonly string[] | undefined): Promise<number | undefined> {
    const { pieces, journal, moved } = this.#parts;
    const chunks = this.#chunks;
    let after = begin;
    for (let chunk = await this.#takeBehind(after); ;) {
      const lastKey = this.#lastKey(chunk) ?? after;
      const following = chunk.isLast ? undefined : this.#takeBehind(lastKey);
      // Whoever waits for it says what is wrong with it.
      following?.catch(() => undefined);
      const again = await chunks.publish(chunk);
      if (again === "altered") {
        this.#parts.log.info({ table: fullName(this.#name) }, "the table was altered while a chunk of it waited: the chunk is read again");
        const left = await following;
        if (left !== undefined) chunks.leave(left);
        this.#size.halve();
        chunk = await this.#takeBehind(after);
        continue;
      }
      const movesFrom = await chunks.unlessStopped(moved.end());
      for (let keys = [...again, ...chunks.takeMoved()]; keys.length > 0;) {
        await following;
        await chunks.publishKeys({ columns: chunks.keyColumns, keys: keys.map(keyValues), absent: false });
        // Behind the last chunk nobody else asks: a row that moved on from one of these keys before it was read there would be in neither.
        keys = chunk.isLast ? chunks.takeMoved(keys) : [];
      }
      await chunks.unlessStopped(pieces.durable());
      this.#rows += chunk.rows.count;
      this.#bytes += chunk.rows.size;
      chunks.recycle(chunk);
      if (lastKey !== undefined && !(await journal.progress(this.#job.id, { lastKey, rows: this.#rows, bytes: this.#bytes, movesFrom })))
        return undefined;
      const next = await following;
      if (next === undefined) break;
      after = lastKey;
      chunk = next;
    }
    // Rows of a table that is gone are no copy of the one that has its name now.
    await chunks.check();
    await chunks.unlessStopped(
      pieces.put(0n, (writer) => {
        if (!chunks.ended) writer.copied({ kind: "copied", table: fullName(this.#name), snapshot: this.#job.id, reason: this.#reason });
      }),
    );
    await chunks.unlessStopped(pieces.durable());
    await journal.copied(this.#job.id);
    return this.#rows;
  }

  async #takeBehind(after: readonly string[] | undefined): Promise<ReadyChunk> {
    const chunk = await this.#chunks.take(() => ({ after, limit: Math.min(this.#size.rows, this.#parts.rate.mostRows) }));
    this.#size.took(chunk.rows.count, chunk.rows.size, chunk.ms);
    return chunk;
  }

  /** Text of the values by which the table is walked, in the chunk's last row. */
  #lastKey({ rows, table }: Chunk): readonly string[] | undefined {
    if (rows.count === 0) return undefined;
    const tuple = this.#tuple;
    rows.read(rows.count - 1, tuple);
    return this.#chunks.walk.map((name) => {
      const i = table.relation.columns.findIndex((column) => column.name === name);
      return rows.bytes.toString("utf8", tuple.start[i], tuple.end[i]);
    });
  }
}
