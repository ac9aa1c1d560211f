/**
 * The chunks of one job: each read beside the stream, and published between two of its transactions when that is exact. Whatever is read, the whole of a table or a
 * list of keys, goes through here: a row that is published although the stream has passed it stays wrong at the target until its next change.
 *
 * Source: ARCHITECTURE.md, "Snapshot".
 */
import { interrupted, type OfftakeError } from "../../services/runtime/errors.ts";
import type { Log } from "../../services/runtime/log.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import { fullName, type TableName } from "../../services/runtime/table-pattern.ts";
import { absentFate } from "./absent-fate.ts";
import type { Capture } from "./capture.ts";
import type { CopyRate } from "./copy-rate.ts";
import { CopyWait } from "./copy-wait.ts";
import type { EventEncoder, RowChange } from "./event-encoder.ts";
import { keyValues } from "./event-key.ts";
import type { MovedRows } from "./moved-rows.ts";
import { Op } from "./op.ts";
import { Old, Tuple } from "./pgoutput.ts";
import type { Pieces } from "./pieces.ts";
import { type RelationCompiler, sameRelation } from "./relation-compiler.ts";
import { type Chunk, ChunkReader, type Wanted } from "./snapshot-chunk.ts";
import type { SnapshotJournal } from "./snapshot-journal.ts";
import { keysAtOnce } from "./snapshot-statement.ts";
import { SnapshotSuspects } from "./snapshot-suspects.ts";
import type { SnapshotTable } from "./snapshot-table.ts";
import type { Visibility } from "./snapshot-visibility.ts";
import { readLoad, tooMuch } from "./source-load.ts";
import { tableChanged } from "./table-changed.ts";
import type { ChunkWindow, Fate, TableWatch } from "./table-watch.ts";

/** Milliseconds between two tries of a chunk that was not of use. */
const againMs = 50;
const againMostMs = 1000;

/** Milliseconds between two looks at a source that has too much to do. */
const loadEveryMs = 500;

export interface CopyParts {
  readonly source: Secret;
  readonly applicationName: string;
  readonly publication: string;
  readonly capture: Pick<Capture, "watch" | "unwatch">;
  readonly pieces: Pieces;
  readonly compiler: RelationCompiler;
  /** Answers sooner or later, or rejects when the copy is to stop. */
  readonly journal: Pick<SnapshotJournal, "keys" | "started" | "progress" | "copied" | "waits">;
  readonly moved: MovedRows;
  readonly rate: CopyRate;
  /** As many sessions of others may be active at the source while a chunk is read; undefined for any number. */
  readonly maxActiveSessions: number | undefined;
  readonly log: Log;
}

/** A chunk that may be published once the stream has come far enough. */
export interface ReadyChunk extends Chunk {
  readonly window: ChunkWindow;
}

/** Of keys: their columns, and the text of their values. */
export interface KeyList {
  readonly columns: readonly string[];
  readonly keys: readonly (readonly string[])[];
  /** Whether those are published that have no row, or those that have one. */
  readonly absent: boolean;
}

export class TableChunks {
  readonly #parts: CopyParts;
  readonly #job: string;
  readonly #name: TableName;
  readonly #signal: AbortSignal;
  readonly #stopped: Promise<never>;
  readonly #reader: ChunkReader;
  /** For a chunk, and for keys that are read again and again. */
  readonly #wait: CopyWait;
  readonly #hot: CopyWait;
  readonly #row: RowChange = { new: new Tuple(), old: new Tuple(), oldKind: Old.none };
  readonly #absent: RowChange = { new: new Tuple(), old: new Tuple(), oldKind: Old.key };
  #watch: TableWatch | undefined;
  #suspects: SnapshotSuspects | undefined;
  /** Whether nothing is published any more: what the stream does is not known from then on. */
  #ended = false;
  #oid = 0;
  #walk: readonly string[] = [];
  #encoder: { readonly shape: string; readonly encoder: EventEncoder } | undefined;

  /** @param signal ends it, wherever it is */
  constructor(parts: CopyParts, job: string, name: TableName, signal: AbortSignal) {
    this.#parts = parts;
    this.#job = job;
    this.#name = name;
    this.#signal = signal;
    this.#reader = new ChunkReader(parts.source, parts.applicationName, parts.publication);
    const table = fullName(name);
    const say = async (what: string | undefined): Promise<void> => {
      if (what === undefined) parts.log.info({ table, job }, "the copy goes on");
      else parts.log.warn({ table, job }, `the copy waits for ${what}`);
      await parts.journal.waits(job, what);
    };
    this.#wait = new CopyWait(say);
    this.#hot = new CopyWait(say);
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.#stopped = promise;
    signal.addEventListener("abort", () => reject(this.#interrupted()), { once: true });
    if (signal.aborted) reject(this.#interrupted());
  }

  /** Whether nothing may be published any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Columns by which the table is walked. */
  get walk(): readonly string[] {
    return this.#walk;
  }

  /** From now on the stream is watched for the table. @throws OfftakeError as ChunkReader.table() */
  async open(): Promise<SnapshotTable> {
    // What an earlier process of this job waited for is of no interest any more.
    await this.#parts.journal.waits(this.#job, undefined);
    const table = await this.#reader.table(this.#name);
    this.#oid = table.relation.oid;
    this.#walk = table.walk.map(({ name }) => name);
    const watch = this.#parts.capture.watch(this.#oid);
    this.#watch = watch;
    this.#suspects = await this.#reader.ask(async (client) => SnapshotSuspects.of(client, this.#oid, watch));
    return table;
  }

  async end(): Promise<void> {
    this.#ended = true;
    if (this.#watch !== undefined) this.#parts.capture.unwatch(this.#oid, this.#watch);
    await this.#reader.end();
  }

  /** Whether it is still the table that it was. @throws OfftakeError SNAPSHOT_TABLE_CHANGED, and as ChunkReader.table() */
  async check(): Promise<void> {
    this.#check(await this.#reader.table(this.#name));
  }

  /** Reads a chunk, when there is room for it: until everything that was published before is in it, which it usually is at once. */
  async take(wanted: () => Wanted): Promise<ReadyChunk> {
    await this.#room();
    const watch = this.#watch!;
    const suspects = this.#suspects!;
    for (let pause = againMs; ; pause = Math.min(pause * 2, againMostMs)) {
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
        await this.#wait.over();
        this.#parts.rate.took(chunk.rows.count, chunk.rows.size);
        return { ...chunk, window };
      }
      watch.close(window);
      await this.#pause(
        this.#wait,
        pause,
        `a transaction (${unseen}) that is in the stream, or may be, and that others at the source do not see yet: of a synchronous standby that is away, or of a long statement`,
      );
    }
  }

  /** It is not published. */
  leave({ window }: ReadyChunk): void {
    this.#watch!.close(window);
  }

  /** It is published, and nobody needs its rows any more. */
  recycle(chunk: ReadyChunk): void {
    this.#reader.recycle(chunk);
  }

  /**
   * @param absent whether it has keys without a row
   * @returns keys that have to be read again; or that the table has been altered, and all of the chunk has to be
   */
  async publish(chunk: ReadyChunk, absent = false): Promise<readonly string[] | "altered"> {
    const { rows, visibility, window, table } = chunk;
    const encoder = await this.#compile(table);
    const row = absent ? this.#absent : this.#row;
    const tuple = absent ? row.old : row.new;
    const again: string[] = [];
    let altered = false;
    await this.unlessStopped(
      this.#parts.pieces.put(chunk.passed, (writer) => {
        this.#watch!.close(window);
        if (this.#ended) return;
        altered = window.overflown || (window.described !== undefined && !sameRelation(window.described, table.relation));
        if (altered) return;
        const fateOf = absent ? absentFate(window, visibility, table.walk, encoder.key.columns) : (key: string): Fate => window.fate(key, visibility);
        const touched = window.touches(visibility);
        for (let i = 0; i < rows.count; i += 1) {
          rows.read(i, tuple);
          const key = touched ? encoder.key.text(tuple, tuple, rows.bytes) : "";
          const fate = touched ? fateOf(key) : "publish";
          if (fate === "publish") writer.row(encoder, row, rows.bytes, absent ? Op.delete : Op.read);
          else if (fate === "again") again.push(key);
        }
      }),
    );
    return altered ? "altered" : again;
  }

  /** Reads rows by their keys, and publishes them, until none is left. */
  async publishKeys(list: KeyList): Promise<void> {
    const { absent } = list;
    const { columns } = list;
    let left = list.keys;
    let atOnce = keysAtOnce;
    for (let pause = againMs; left.length > 0;) {
      const keys = left.slice(0, atOnce);
      const chunk = await this.take(() => ({ columns, keys, absent }));
      if (!chunk.isLast && keys.length > 1) {
        // Wide rows: which of them were read is not said.
        this.leave(chunk);
        atOnce = Math.ceil(keys.length / 2);
        continue;
      }
      const again = await this.publish(chunk, absent);
      if (again === "altered") continue;
      this.recycle(chunk);
      // Of the encoder's order: that of the table's columns, and not that of its index.
      left = [...left.slice(keys.length), ...again.map((key) => inOrder(keyValues(key), this.keyColumns, columns))];
      if (again.length === 0) pause = againMs;
      if (again.length === 0 || again.length < left.length) continue;
      await this.#pause(this.#hot, pause, "keys that the stream changes all the time, or others that may be equal to them");
      pause = Math.min(pause * 2, againMostMs);
    }
    await this.#hot.over();
  }

  /** Keys that rows were moved to by events without all of their values. As TableWatch.takeMoved() */
  takeMoved(missing?: readonly string[]): string[] {
    return this.#watch!.takeMoved(missing);
  }

  /** The key columns of the events. */
  get keyColumns(): readonly string[] {
    return this.#encoder!.encoder.key.columns;
  }

  async unlessStopped<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#stopped]);
  }

  /** Waits until rows may be read. */
  async #room(): Promise<void> {
    const { rate, maxActiveSessions } = this.#parts;
    if ((await waitOrStop(rate.wait, this.#signal)) === "stopped") throw this.#interrupted();
    if (maxActiveSessions === undefined) return;
    for (;;) {
      const busy = tooMuch(await this.#reader.ask(readLoad), maxActiveSessions);
      if (busy === undefined) return;
      await this.#pause(this.#wait, loadEveryMs, busy);
    }
  }

  async #pause(wait: CopyWait, ms: number, what: string): Promise<void> {
    await wait.waits(ms, what);
    if ((await waitOrStop(ms, this.#signal)) === "stopped") throw this.#interrupted();
  }

  /** @throws OfftakeError SNAPSHOT_TABLE_CHANGED */
  #check({ relation, walk }: SnapshotTable): void {
    if (relation.oid !== this.#oid) throw tableChanged(this.#name, "was changed while it was being copied: it was dropped and made again");
    const names = walk.map(({ name }) => name);
    if (names.join("\0") !== this.#walk.join("\0"))
      throw tableChanged(this.#name, `was changed while it was being copied: its key is now (${names.join(", ")})`);
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

  #interrupted(): OfftakeError {
    return interrupted(`the table ${fullName(this.#name)} was copied`);
  }
}

/** @param from columns that the values are of. @param to the same in another order */
function inOrder(values: readonly string[], from: readonly string[], to: readonly string[]): string[] {
  return to.map((name) => values[from.indexOf(name)]!);
}
