/**
 * What the stream does to a table while it is being copied. A chunk of the table is read beside the stream; where both have a row, the stream's is the newer
 * one or the same, and this is where that is decided: a row that is published although the stream has passed it already stays wrong at the target until its next
 * change.
 *
 * Pure. Source: ARCHITECTURE.md, "Snapshot".
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { Relation } from "./pgoutput.ts";
import type { Visibility } from "./snapshot-visibility.ts";

/** Changes that are remembered for one chunk, of a key one for each transaction: beyond, it is taken again. */
const mostChanges = 200_000;

/**
 * Transactions, and moves, that are remembered for one copy: beyond, it is begun again. A copy may wait for hours, for the control database or a busy source, and the
 * stream does not wait with it: where both grew, a Set was full one day and the stream ended with it.
 */
const mostRemembered = 200_000;

/** What becomes of a row of a chunk: it goes out; the stream has a newer one; or only a part of a newer one, so that it has to be read again. */
export type Fate = "publish" | "drop" | "again";

/** What one transaction did to a key. */
interface KeyChange {
  readonly xid: number;
  /** Whether each time it left values out, which were not in the WAL. */
  partial: boolean;
}

/** The time from before a chunk is read until it is published. */
export class ChunkWindow {
  /** The newest description of the table in that time. */
  described: Relation | undefined;
  readonly #before: readonly number[];
  readonly #changes = new Map<string, KeyChange[]>();
  readonly #emptied: number[] = [];
  #remembered = 0;

  /** @param before transactions of the table that were published before, and that no snapshot is known to see */
  constructor(before: readonly number[]) {
    this.#before = before;
  }

  /** More has changed than can be remembered: the chunk has to be taken again. */
  get overflown(): boolean {
    return this.#remembered > mostChanges;
  }

  /** @returns a transaction that was published before the chunk was read, and that the chunk does not have: it has to be taken again a moment later */
  unseenBy(visibility: Visibility): number | undefined {
    return this.#before.find((xid) => !visibility.sees(xid));
  }

  changed(key: string, xid: number, partial: boolean): void {
    if (this.overflown) return;
    const before = this.#changes.get(key);
    const newest = before?.at(-1);
    if (newest?.xid === xid) {
      newest.partial &&= partial;
      return;
    }
    this.#remembered += 1;
    if (before === undefined) this.#changes.set(key, [{ xid, partial }]);
    else before.push({ xid, partial });
  }

  emptied(xid: number): void {
    if (this.overflown || this.#emptied.at(-1) === xid) return;
    this.#remembered += 1;
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

  /** Before a chunk is read. @throws OfftakeError SNAPSHOT_DELAYED when more was published than can be remembered: a new watch begins with what others see by then */
  open(): ChunkWindow {
    if (this.#isFull) throw tooMuch(`${mostRemembered} transactions`);
    const window = new ChunkWindow([...this.#published]);
    this.#windows.add(window);
    return window;
  }

  close(window: ChunkWindow): void {
    this.#windows.delete(window);
  }

  /** What a snapshot sees, all later ones see. */
  seen(visibility: Visibility): void {
    // What does not fit is not there to be looked at.
    if (this.#isFull) return;
    for (const xid of this.#published) if (visibility.sees(xid)) this.#published.delete(xid);
    this.#newest = -1;
  }

  /** @param from the key that the row had before, where it was another */
  changed(xid: number, key: string, partial: boolean, from?: string): void {
    this.#publish(xid);
    for (const window of this.#windows) window.changed(key, xid, partial);
    if (from !== undefined && partial && this.#moves.length <= mostRemembered) this.#moves.push({ from, to: key });
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
   * @throws OfftakeError SNAPSHOT_DELAYED when there were more than can be remembered: the topic has them for the copy that is begun again
   */
  takeMoved(missing?: readonly string[]): string[] {
    if (this.#moves.length > mostRemembered) throw tooMuch(`${mostRemembered} rows that moved to another key`);
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

  get #isFull(): boolean {
    return this.#published.size > mostRemembered;
  }

  #publish(xid: number): void {
    if (xid === this.#newest) return;
    this.#newest = xid;
    if (!this.#isFull) this.#published.add(xid);
  }
}

function tooMuch(what: string): OfftakeError {
  return new OfftakeError(
    "SNAPSHOT_DELAYED",
    `More than ${what} of the table came in the stream while its copy waited, which is more than it remembers.`,
  );
}
