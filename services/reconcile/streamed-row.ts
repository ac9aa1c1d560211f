/**
 * What the stream says of one key: its row after each event. At an applied position the target's row has to be what the newest event before that position has made of it, however often
 * the row changes: that is what a sandwich cannot decide of a row that is never still (sandwich.ts).
 *
 * An event need not have all columns: values that are not in the WAL (unchanged TOAST) stay what they were, which is known where an event before it has them, or where the source was read
 * just after a transaction of these events: a row version of the source is that of the newest event of the transaction that made it. What is not known is never held against a row.
 *
 * Pure.
 */

/** By the source's name of the column; null for NULL. Columns that are not known are not there. */
export type KnownColumns = ReadonlyMap<string, string | null>;

export interface StreamedChange {
  readonly offset: number;
  /** Of its transaction; -1 where it was read beside the stream. */
  readonly xid: number;
  /** Undefined for a row that is gone. */
  readonly row: KnownColumns | undefined;
  /** Columns that are what they were before. */
  readonly kept: readonly string[];
}

/** Changes of one key that are remembered: of one that changes more often between two looks, the oldest are forgotten. */
const remembered = 200;

/** Row versions of the source. */
const seedsKept = 4;

export class StreamedRow {
  readonly #changes: StreamedChange[] = [];
  /** After the changes that are no longer there; undefined where nothing is known. */
  #base: { readonly row: KnownColumns | undefined; readonly xid: number } | undefined;
  /** Of the event that the base is from. */
  #baseOffset = -1;
  readonly #seeds = new Map<string, KnownColumns>();

  add(change: StreamedChange): void {
    this.#changes.push(change);
    if (this.#changes.length > remembered) this.#fold(this.#changes[0]!.offset + 1);
  }

  /**
   * The source has been read.
   *
   * @param xmin of its row
   */
  seed(xmin: string, row: KnownColumns): void {
    this.#seeds.delete(xmin);
    this.#seeds.set(xmin, row);
    if (this.#seeds.size > seedsKept) this.#seeds.delete(this.#seeds.keys().next().value!);
  }

  /**
   * @param offset the applied position: all before it is applied, in whole transactions; no smaller than the last time
   * @returns undefined where no event before it is known
   */
  at(offset: number): { readonly row: KnownColumns | undefined } | undefined {
    this.#complete();
    this.#fold(offset);
    this.#complete();
    // Of a row that has changed more often since than is remembered nobody knows any more what it was: a target that was a second behind was called wrong for it.
    return this.#baseOffset < offset ? this.#base : undefined;
  }

  #fold(offset: number): void {
    while (this.#changes.length > 0 && this.#changes[0]!.offset < offset) {
      const change = this.#changes.shift()!;
      const before = this.#base?.row;
      const kept = change.kept.flatMap((name): [string, string | null][] => (before?.has(name) === true ? [[name, before.get(name)!]] : []));
      this.#baseOffset = change.offset;
      this.#base = { row: change.row === undefined ? undefined : new Map([...kept, ...change.row]), xid: change.xid };
      // The source's row is that of its transaction's end.
      if (this.#changes.length > 0 && this.#changes[0]!.xid !== change.xid) this.#complete();
    }
  }

  /** The newest change is the last one that its transaction has made to the row. */
  #complete(): void {
    if (this.#base?.row === undefined) return;
    const seed = this.#seeds.get(String(this.#base.xid));
    if (seed !== undefined) this.#base = { ...this.#base, row: new Map([...seed, ...this.#base.row]) };
  }
}
