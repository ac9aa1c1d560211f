/**
 * Copies one table: chunk after chunk in the order of its key, each read beside the stream and published between two of its transactions when that is exact.
 * The next one is read while one waits. What is published is written down before more is: a restart goes on behind it.
 *
 * Source: ARCHITECTURE.md, "Snapshot".
 */
import { interrupted, OfftakeError } from "../../services/runtime/errors.ts";
import type { Log } from "../../services/runtime/log.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import { fullName, type TableName } from "../../services/runtime/table-pattern.ts";
import type { Capture } from "./capture.ts";
import { ChunkSize } from "./chunk-size.ts";
import type { EventEncoder, RowChange } from "./event-encoder.ts";
import { keyValues } from "./event-key.ts";
import { Old, Tuple } from "./pgoutput.ts";
import type { Pieces } from "./pieces.ts";
import { type RelationCompiler, sameRelation } from "./relation-compiler.ts";
import type { RowRate } from "./row-rate.ts";
import { type Chunk, ChunkReader, type Wanted } from "./snapshot-chunk.ts";
import type { SnapshotJob, SnapshotJournal } from "./snapshot-journal.ts";
import { keysAtOnce } from "./snapshot-statement.ts";
import { SnapshotSuspects } from "./snapshot-suspects.ts";
import type { SnapshotTable } from "./snapshot-table.ts";
import type { Visibility } from "./snapshot-visibility.ts";
import type { ChunkWindow, TableWatch } from "./table-watch.ts";

/** Milliseconds between two tries of a chunk that was not of use. */
const againMs = 50;
const againMostMs = 1000;

/** Milliseconds after which it is said for what a copy waits. */
const patienceMs = 1000;

export interface CopyParts {
  readonly source: Secret;
  readonly applicationName: string;
  readonly publication: string;
  readonly capture: Pick<Capture, "watch" | "unwatch">;
  readonly pieces: Pieces;
  readonly compiler: RelationCompiler;
  /** Answers sooner or later, or rejects when the copy is to stop. */
  readonly journal: Pick<SnapshotJournal, "started" | "progress" | "copied">;
  readonly rate: RowRate;
  readonly log: Log;
}

/** A chunk that may be published once the stream has come far enough. */
interface ReadyChunk extends Chunk {
  readonly window: ChunkWindow;
}

export class TableCopy {
  readonly #parts: CopyParts;
  readonly #job: SnapshotJob;
  readonly #name: TableName;
  readonly #signal: AbortSignal;
  readonly #stopped: Promise<never>;
  readonly #reader: ChunkReader;
  readonly #size = new ChunkSize();
  readonly #row: RowChange = { new: new Tuple(), old: new Tuple(), oldKind: Old.none };
  #watch: TableWatch | undefined;
  #suspects: SnapshotSuspects | undefined;
  /** Whether nothing is published any more: what the stream does is not known from then on. */
  #ended = false;
  #oid = 0;
  #walk: readonly string[] = [];
  #encoder: { readonly shape: string; readonly encoder: EventEncoder } | undefined;
  #rows: number;
  #bytes: number;

  /** @param signal ends it, wherever it is */
  constructor(parts: CopyParts, job: SnapshotJob, name: TableName, signal: AbortSignal) {
    this.#parts = parts;
    this.#job = job;
    this.#name = name;
    this.#signal = signal;
    this.#reader = new ChunkReader(parts.source, parts.applicationName, parts.publication);
    this.#rows = job.rows;
    this.#bytes = job.bytes;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.#stopped = promise;
    signal.addEventListener("abort", () => reject(this.#interrupted()), { once: true });
    if (signal.aborted) reject(this.#interrupted());
  }

  /**
   * @returns rows that were copied; undefined when the job was cancelled meanwhile
   * @throws OfftakeError SNAPSHOT_TABLE_UNSUITABLE, SNAPSHOT_TABLE_CHANGED, EVENT_TOO_LARGE, SCHEMA_REFUSED and others that a person has to mend;
   *   SOURCE_UNREACHABLE and others after which it may be begun again; INTERRUPTED
   */
  async run(): Promise<number | undefined> {
    const { capture } = this.#parts;
    try {
      const table = await this.#reader.table(this.#name);
      this.#oid = table.relation.oid;
      this.#walk = table.walk.map(({ name }) => name);
      this.#watch = capture.watch(this.#oid);
      const watch = this.#watch;
      this.#suspects = await this.#reader.ask(async (client) => SnapshotSuspects.of(client, this.#oid, watch));
      return await this.#copy(await this.#begin(table));
    } finally {
      this.#ended = true;
      capture.unwatch(this.#oid);
      await this.#reader.end();
    }
  }

  /** @returns the key behind which it goes on */
  async #begin({ estimatedRows, estimatedBytes }: SnapshotTable): Promise<readonly string[] | undefined> {
    const { id, keyColumns, lastKey } = this.#job;
    if (lastKey !== undefined && keyColumns?.join("\0") === this.#walk.join("\0")) return lastKey;
    // By another key it begins anew.
    this.#rows = 0;
    this.#bytes = 0;
    await this.#parts.journal.started(id, { keyColumns: this.#walk, estimatedRows, estimatedBytes });
    return undefined;
  }

  async #copy(begin: readonly string[] | undefined): Promise<number | undefined> {
    const { pieces, journal } = this.#parts;
    let after = begin;
    for (let chunk = await this.#takeBehind(after); ;) {
      const lastKey = this.#lastKey(chunk) ?? after;
      const following = chunk.isLast ? undefined : this.#takeBehind(lastKey);
      // Whoever waits for it says what is wrong with it.
      following?.catch(() => undefined);
      const again = await this.#publish(chunk);
      if (again === "altered") {
        this.#parts.log.info({ table: fullName(this.#name) }, "the table was altered while a chunk of it waited: the chunk is read again");
        const left = await following;
        if (left !== undefined) this.#watch!.close(left.window);
        this.#size.halve();
        chunk = await this.#takeBehind(after);
        continue;
      }
      const keys = [...again, ...this.#watch!.takeMoved()];
      if (keys.length > 0) await following;
      await this.#publishAgain(keys);
      await this.#unlessStopped(pieces.durable());
      this.#rows += chunk.rows.count;
      this.#bytes += chunk.rows.size;
      this.#reader.recycle(chunk);
      if (lastKey !== undefined && !(await journal.progress(this.#job.id, { lastKey, rows: this.#rows, bytes: this.#bytes }))) return undefined;
      const next = await following;
      if (next === undefined) break;
      after = lastKey;
      chunk = next;
    }
    // Rows of a table that is gone are no copy of the one that has its name now.
    this.#check(await this.#reader.table(this.#name));
    await this.#unlessStopped(
      pieces.put(0n, (writer) => {
        if (!this.#ended) writer.copied({ kind: "copied", table: fullName(this.#name), snapshot: this.#job.id, reason: this.#job.reason });
      }),
    );
    await this.#unlessStopped(pieces.durable());
    await journal.copied(this.#job.id);
    return this.#rows;
  }

  /** Rows of which only a part is in the topic, until none is left. */
  async #publishAgain(keys: readonly string[]): Promise<void> {
    for (let left = keys; left.length > 0;) {
      const wanted = { columns: this.#encoder!.encoder.key.columns, keys: left.slice(0, keysAtOnce).map(keyValues) };
      const again = await this.#publish(await this.#take(() => wanted));
      left = again === "altered" ? left : [...again, ...left.slice(keysAtOnce)];
    }
  }

  async #takeBehind(after: readonly string[] | undefined): Promise<ReadyChunk> {
    const { rate } = this.#parts;
    if ((await waitOrStop(rate.wait, this.#signal)) === "stopped") throw this.#interrupted();
    const chunk = await this.#take(() => ({ after, limit: Math.min(this.#size.rows, rate.most) }));
    this.#size.took(chunk.rows.count, chunk.rows.size, chunk.ms);
    rate.took(chunk.rows.count);
    return chunk;
  }

  /** Tries until everything that was published before is in the chunk: usually once. */
  async #take(wanted: () => Wanted): Promise<ReadyChunk> {
    const watch = this.#watch!;
    const suspects = this.#suspects!;
    let pause = againMs;
    let waited = 0;
    for (;;) {
      await this.#reader.ask(async (client) => suspects.look(client));
      const window = watch.open();
      let unseen: number | undefined;
      const accepts = (visibility: Visibility): boolean => {
        watch.seen(visibility);
        unseen = window.unseenBy(visibility) ?? suspects.unseenBy(visibility);
        return unseen === undefined;
      };
      const chunk = await this.#reader.read(this.#name, wanted(), accepts);
      if (chunk !== undefined) {
        this.#check(chunk.table);
        await this.#compile(chunk.table);
        return { ...chunk, window };
      }
      watch.close(window);
      if (waited < patienceMs && waited + pause >= patienceMs)
        this.#parts.log.warn(
          { table: fullName(this.#name), transaction: unseen },
          "the copy waits for a transaction that is in the stream, or may be, and that others at the source do not see yet: of a synchronous standby that is away, or of a long statement",
        );
      waited += pause;
      if ((await waitOrStop(pause, this.#signal)) === "stopped") throw this.#interrupted();
      pause = Math.min(pause * 2, againMostMs);
    }
  }

  /** @throws OfftakeError SNAPSHOT_TABLE_CHANGED */
  #check({ relation, walk }: SnapshotTable): void {
    if (relation.oid !== this.#oid) throw changed(this.#name, "it was dropped and made again");
    const names = walk.map(({ name }) => name);
    if (names.join("\0") !== this.#walk.join("\0")) throw changed(this.#name, `its key is now (${names.join(", ")})`);
  }

  async #compile(table: SnapshotTable): Promise<EventEncoder> {
    const shape = JSON.stringify([table.relation, table.types]);
    if (this.#encoder?.shape !== shape) {
      for (const type of table.types) this.#parts.compiler.learn(type);
      // No transaction has to end first: the chunk's lock has seen to it.
      this.#encoder = { shape, encoder: await this.#parts.compiler.compile(table.relation, 0) };
    }
    return this.#encoder.encoder;
  }

  /** @returns keys that have to be read again; or that the table has been altered, and all of the chunk has to be */
  async #publish(chunk: ReadyChunk): Promise<readonly string[] | "altered"> {
    const { rows, visibility, window, table } = chunk;
    const encoder = await this.#compile(table);
    const again: string[] = [];
    let altered = false;
    await this.#unlessStopped(
      this.#parts.pieces.put(chunk.passed, (writer) => {
        this.#watch!.close(window);
        if (this.#ended) return;
        altered = window.overflown || (window.described !== undefined && !sameRelation(window.described, table.relation));
        if (altered) return;
        const touched = window.touches(visibility);
        for (let i = 0; i < rows.count; i += 1) {
          rows.read(i, this.#row.new);
          const key = touched ? encoder.key.text(this.#row.new, this.#row.new, rows.bytes) : "";
          const fate = touched ? window.fate(key, visibility) : "publish";
          if (fate === "publish") writer.row(encoder, this.#row, rows.bytes);
          else if (fate === "again") again.push(key);
        }
      }),
    );
    return altered ? "altered" : again;
  }

  /** Text of the values by which the table is walked, in the chunk's last row. */
  #lastKey({ rows, table }: Chunk): readonly string[] | undefined {
    if (rows.count === 0) return undefined;
    const tuple = this.#row.new;
    rows.read(rows.count - 1, tuple);
    return this.#walk.map((name) => {
      const i = table.relation.columns.findIndex((column) => column.name === name);
      return rows.bytes.toString("utf8", tuple.start[i], tuple.end[i]);
    });
  }

  async #unlessStopped<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#stopped]);
  }

  #interrupted(): OfftakeError {
    return interrupted(`the table ${fullName(this.#name)} was copied`);
  }
}

function changed(name: TableName, how: string): OfftakeError {
  return new OfftakeError("SNAPSHOT_TABLE_CHANGED", `The table ${fullName(name)} was changed while it was being copied: ${how}.`, {
    cure: "What was copied of it stays. Start the copy again: `offtake snapshot start`.",
  });
}
