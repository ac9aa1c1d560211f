/**
 * What the stream does to a table while it is being copied. A chunk of the table is read beside the stream; where both have a row, the stream's is the newer
 * one or the same, and this is where that is decided: a row that is published although the stream has passed it already stays wrong at the target until its next
 * change.
 *
 * Pure. Source: ARCHITECTURE.md, "Snapshot".
 */
import type { Relation } from "./pgoutput.ts";
import type { Visibility } from "./snapshot-visibility.ts";

/** Changed keys that are remembered for one chunk: beyond, it is taken again. */
const mostKeys = 200_000;

/** What becomes of a row of a chunk: it goes out; the stream has a newer one; or only a part of a newer one, so that it has to be read again. */
export type Fate = "publish" | "drop" | "again";

interface KeyChange {
  readonly xid: number;
  /** Whether it left values out, which were not in the WAL. */
  readonly partial: boolean;
}

/** The time from before a chunk is read until it is published. */
export class ChunkWindow {
  /** The newest description of the table in that time. */
  described: Relation | undefined;
  readonly #before: readonly number[];
  readonly #changes = new Map<string, KeyChange[]>();
  readonly #emptied: number[] = [];

  /** @param before transactions of the table that were published before, and that no snapshot is known to see */
  constructor(before: readonly number[]) {
    this.#before = before;
  }

  /** More has changed than can be remembered: the chunk has to be taken again. */
  get overflown(): boolean {
    return this.#changes.size > mostKeys;
  }

  /** @returns a transaction that was published before the chunk was read, and that the chunk does not have: it has to be taken again a moment later */
  unseenBy(visibility: Visibility): number | undefined {
    return this.#before.find((xid) => !visibility.sees(xid));
  }

  changed(key: string, change: KeyChange): void {
    if (this.overflown) return;
    const before = this.#changes.get(key);
    if (before === undefined) this.#changes.set(key, [change]);
    else before.push(change);
  }

  emptied(xid: number): void {
    this.#emptied.push(xid);
  }

  /** Whether any row has another fate than to be published. */
  touches(visibility: Visibility): boolean {
    return this.#changes.size > 0 || this.#isEmptied(visibility);
  }

  /** @param visibility of the chunk */
  fate(key: string, visibility: Visibility): Fate {
    if (this.#isEmptied(visibility)) return "drop";
    const newer = this.#changes.get(key)?.filter(({ xid }) => !visibility.sees(xid)) ?? [];
    if (newer.length === 0) return "publish";
    // One whole event is enough: those after it find its row at the target.
    return newer.every(({ partial }) => partial) ? "again" : "drop";
  }

  /** @returns keys that were changed by what the chunk does not see */
  unseenKeys(visibility: Visibility): string[] {
    return [...this.#changes].flatMap(([key, changes]) => (changes.some(({ xid }) => !visibility.sees(xid)) ? [key] : []));
  }

  #isEmptied(visibility: Visibility): boolean {
    return this.#emptied.some((xid) => !visibility.sees(xid));
  }
}

interface Move {
  readonly from: string;
  readonly to: string;
}

export class TableWatch {
  /** Transactions of the table that were published, and that no snapshot is known to see. */
  readonly #published = new Set<number>();
  readonly #windows = new Set<ChunkWindow>();
  /** Rows that were moved by events without all of their values, in the stream's order: where the row before was not copied yet, it is not at the target. */
  #moves: Move[] = [];
  #newest = -1;

  /** @param within the transaction that the stream is in: what it did before is not known */
  constructor(within: number | undefined) {
    if (within !== undefined) this.#published.add(within);
  }

  has(xid: number): boolean {
    return this.#published.has(xid);
  }

  /** Before a chunk is read. */
  open(): ChunkWindow {
    const window = new ChunkWindow([...this.#published]);
    this.#windows.add(window);
    return window;
  }

  close(window: ChunkWindow): void {
    this.#windows.delete(window);
  }

  /** What a snapshot sees, all later ones see. */
  seen(visibility: Visibility): void {
    for (const xid of this.#published) if (visibility.sees(xid)) this.#published.delete(xid);
    this.#newest = -1;
  }

  /** @param from the key that the row had before, where it was another */
  changed(xid: number, key: string, partial: boolean, from?: string): void {
    this.#publish(xid);
    for (const window of this.#windows) window.changed(key, { xid, partial });
    if (from !== undefined && partial) this.#moves.push({ from, to: key });
  }

  emptied(xid: number): void {
    this.#publish(xid);
    for (const window of this.#windows) window.emptied(xid);
  }

  described(relation: Relation): void {
    for (const window of this.#windows) window.described = relation;
  }

  /**
   * @param missing keys of which the row may be missing in the topic; left out: any may
   * @returns keys to which rows were moved from there since it was asked last, in one step or several
   */
  takeMoved(missing?: readonly string[]): string[] {
    const from = missing && new Set(missing);
    const moved = new Set<string>();
    for (const move of this.#moves) {
      if (from?.has(move.from) === false) continue;
      from?.add(move.to);
      moved.add(move.to);
    }
    this.#moves = [];
    return [...moved];
  }

  #publish(xid: number): void {
    if (xid === this.#newest) return;
    this.#newest = xid;
    this.#published.add(xid);
  }
}
