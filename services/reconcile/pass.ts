/**
 * One pass over one table. Ranges first, by the hash of all their rows; then the rows of ranges that differ, by the hash of each; then keys that differ, until each is decided
 * (candidates.ts). Whatever is compared, the source is read first, then the stream is awaited to be applied as far as that read saw, then the target is read.
 *
 * A range that is found equal is equal at that moment, and whatever differs under load goes on to the next step. What cannot be compared makes the pass incomplete: it is never
 * taken for equal, and never for a mismatch.
 */
import type { Client } from "pg";
import type { Lsn } from "../../connectors/postgres/lsn.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { type CandidateOptions, decide, nothingDecided } from "./candidates.ts";
import type { SideTable } from "./compared-table.ts";
import { readKeyHashes } from "./key-hashes.ts";
import { differingBuckets } from "./key-buckets.ts";
import type { KeyRange, KeyText } from "./key-range.ts";
import { findRangeEnd } from "./range-end.ts";
import { readRangeHash } from "./range-hash.ts";
import { RangeSize } from "./range-size.ts";
import type { Level } from "./report.ts";
import { differingKeys, readRowHashes, type RowHashes, splitKey, tooMany } from "./row-hashes.ts";
import { sideBySide } from "./side-by-side.ts";
import { walk } from "./walk.ts";

export interface PassOptions extends CandidateOptions {
  readonly level: Level;
  /** Active sessions of the source beyond which a pass waits, and milliseconds for how long; undefined for no limit. */
  readonly maxActiveSessions: number | undefined;
  readonly stallMs: number;
  /** Candidates, and rows of one range beyond what it has at the source, with which a table is too divergent. */
  readonly mostCandidates: number;
  /** Told how far it is: rows of the source. */
  readonly progress?: ((rows: number) => void) | undefined;
}

/** Ranges that are read of the source while the target catches up: of those hashes take no memory, and lists of rows some megabytes each. */
const hashesAhead = 256;
const rowsAhead = 16;

/** Ranges that count as lately; and the part of them that has to differ for buckets to be worth what they cost. */
const lately = 5;
const manyDiffer = 0.25;

export class Pass {
  readonly decided = nothingDecided();
  totalSource = 0;
  totalTarget = 0;
  /** Candidates at which it gave up. */
  truncatedAt: number | null = null;
  /** Of the newest reads. */
  passed: Lsn | undefined;
  applied: Lsn | undefined;
  readonly #options: PassOptions;
  readonly #size = new RangeSize();
  /** Of the ranges that were compared lately, the part that differed. */
  #differing = 0;
  readonly #candidates = new Map<string, KeyText>();

  constructor(options: PassOptions) {
    this.#options = options;
  }

  /** @throws OfftakeError of the two sides; what was found by then stays */
  async run(): Promise<void> {
    const { level, table } = this.#options;
    if (!table.ordered) await this.#lookUp();
    else if (level === "strict") await this.#compareRows(this.#walk(), true);
    else await this.#compareRows(this.#again(await this.#compareRanges()), false);
    if (this.truncatedAt === null) await decide(this.#options, [...this.#candidates.values()], this.decided);
  }

  /** @returns those that differ */
  async #compareRanges(): Promise<KeyRange[]> {
    const { source, target } = this.#options.table;
    const differing: KeyRange[] = [];
    const split = async (range: KeyRange) => this.#split(range);
    const read = (side: SideTable) => async (client: Client, range: KeyRange, inBuckets: boolean) =>
      readRangeHash(client, side, this.#columns(side), range, inBuckets);
    const left = async (client: Client, range: KeyRange) => {
      const inBuckets = this.#differing > manyDiffer;
      return { inBuckets, ...(await read(source)(client, range, inBuckets)) };
    };
    const right = async (client: Client, range: KeyRange, { inBuckets }: { readonly inBuckets: boolean }) => read(target)(client, range, inBuckets);
    for await (const both of sideBySide(this.#options, this.#walk(), { left, right, split, ahead: hashesAhead })) {
      this.#counted(both.left.rows, both.right.rows, both.passed, both.applied);
      const only = differingBuckets(both.left.hashes, both.right.hashes);
      this.#differing += ((only.length > 0 ? 1 : 0) - this.#differing) / lately;
      if (only.length > 0) differing.push(both.left.inBuckets ? { ...both.piece, only } : both.piece);
    }
    return differing;
  }

  /** @param counts whether the rows have not been counted yet */
  async #compareRows(ranges: AsyncGenerator<KeyRange, void>, counts: boolean): Promise<void> {
    const { source, target } = this.#options.table;
    const read = (side: SideTable) => async (client: Client, range: KeyRange) => this.#rowHashes(client, side, this.#columns(side), range);
    const split = async (range: KeyRange) => this.#split(range);
    const wanted = async (client: Client, range: KeyRange) => ofSource(await read(source)(client, range));
    for await (const { left, right, passed, applied } of sideBySide(this.#options, ranges, {
      left: wanted,
      right: read(target),
      split,
      ahead: rowsAhead,
    })) {
      if (right === tooMany) {
        this.truncatedAt = this.#options.mostCandidates;
        return;
      }
      this.#counted(counts ? left.size : 0, counts ? right.size : 0, passed, applied);
      if (!this.#add(differingKeys(left, right))) return;
    }
  }

  /** Rows of the source by their keys at the target; then keys of the target at the source. */
  async #lookUp(): Promise<void> {
    const { table, source, target } = this.#options;
    const rows = async (client: Client, range: KeyRange) => ofSource(await this.#rowHashes(client, table.source, this.#columns(table.source), range));
    const split = async (range: KeyRange) => this.#split(range);
    const same = async (client: Client, _range: KeyRange, left: RowHashes) =>
      readKeyHashes(client, table.target, this.#columns(table.target), [...left.keys()].map(splitKey));
    for await (const { left, right, passed, applied } of sideBySide(this.#options, this.#walk(), {
      left: rows,
      right: same,
      split,
      ahead: rowsAhead,
    })) {
      this.#counted(left.size, 0, passed, applied);
      if (!this.#add(differingKeys(left, right))) return;
    }
    const read = async <T>(work: (client: Client) => Promise<T>): Promise<T> => (await target.read(table, 0n, work)).value;
    for await (const range of walk(read, table.target, this.#size)) {
      const right = await read(async (client) => this.#rowHashes(client, table.target, this.#keys(table.target), range));
      if (right === tooMany) throw grew("target");
      const wanted = [...right.keys()].map(splitKey);
      const left = await source.read(table.source, async (client) => readKeyHashes(client, table.source, this.#keys(table.source), wanted));
      this.totalTarget += right.size;
      // What is there under the same text is compared already; under another one it may be another row, where only one side takes the two for one.
      if (!this.#add([...right.keys()].filter((key) => left.get(key) !== right.get(key)))) return;
    }
  }

  /** Of a range that had as many rows as a range has when its end was found. */
  async #rowHashes(client: Client, side: SideTable, columns: readonly string[], range: KeyRange): Promise<RowHashes | typeof tooMany> {
    return readRowHashes(client, side, columns, range, this.#size.most + this.#options.mostCandidates);
  }

  /** @returns false where there are too many */
  #add(keys: readonly string[]): boolean {
    const { mostCandidates } = this.#options;
    if (this.#candidates.size + keys.length > mostCandidates) this.truncatedAt = mostCandidates;
    else for (const key of keys) this.#candidates.set(key, splitKey(key));
    return this.truncatedAt === null;
  }

  /** What has grown since it was found is of several ranges now. */
  async *#again(ranges: readonly KeyRange[]): AsyncGenerator<KeyRange, void> {
    for (const range of ranges) for await (const part of this.#walk(range)) yield { ...part, only: range.only };
  }

  /** Two parts of a range that takes too long, and those that follow are smaller. @returns none for one row */
  async #split(range: KeyRange): Promise<readonly KeyRange[]> {
    const { source, table } = this.#options;
    this.#size.took(Number.POSITIVE_INFINITY);
    for (let rows = this.#size.rows; rows >= 1; rows = Math.floor(rows / 2)) {
      const middle = await source.read(table.source, async (client) => findRangeEnd(client, table.source, range, rows));
      if (middle !== undefined && middle.join("\0") !== range.upTo?.join("\0"))
        return [
          { ...range, upTo: middle },
          { ...range, after: middle },
        ];
    }
    return [];
  }

  #walk(within?: KeyRange): AsyncGenerator<KeyRange, void> {
    const { source, table, maxActiveSessions, stallMs, signal } = this.#options;
    const read = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
      await source.rests(maxActiveSessions, stallMs, signal);
      return source.read(table.source, work);
    };
    return walk(read, table.source, this.#size, within);
  }

  /** For `basic`, which rows there are is all that counts. */
  #columns(side: SideTable): readonly string[] {
    return this.#options.level === "basic" ? this.#keys(side) : side.hashed;
  }

  #keys({ hashed }: SideTable): readonly string[] {
    return this.#options.table.key.map((index) => hashed[index]!);
  }

  #counted(source: number, target: number, passed: Lsn, applied: Lsn): void {
    this.totalSource += source;
    this.totalTarget += target;
    this.passed = passed;
    this.applied = applied;
    this.#options.progress?.(this.totalSource);
  }
}

function ofSource(hashes: RowHashes | typeof tooMany): RowHashes {
  if (hashes === tooMany) throw grew("source");
  return hashes;
}

/** Between two statements. */
function grew(side: string): OfftakeError {
  return new OfftakeError("RECONCILE_STALLED", `A range of the ${side} got more rows than are read at a time while it was read.`);
}
