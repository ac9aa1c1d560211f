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
import type { KeyRange, KeyText } from "./key-range.ts";
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
    const read = (side: SideTable) => async (client: Client, range: KeyRange) => readRangeHash(client, side, this.#columns(side), range);
    for await (const { piece, left, right, passed, applied } of sideBySide(this.#options, this.#walk(), read(source), read(target))) {
      this.#counted(left.rows, right.rows, passed, applied);
      if (left.rows !== right.rows || left.hash !== right.hash) differing.push(piece);
    }
    return differing;
  }

  /** @param counts whether the rows have not been counted yet */
  async #compareRows(ranges: AsyncGenerator<KeyRange, void>, counts: boolean): Promise<void> {
    const { source, target } = this.#options.table;
    const read = (side: SideTable) => async (client: Client, range: KeyRange) => this.#rowHashes(client, side, this.#columns(side), range);
    const wanted = async (client: Client, range: KeyRange) => ofSource(await read(source)(client, range));
    for await (const { left, right, passed, applied } of sideBySide(this.#options, ranges, wanted, read(target))) {
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
    const same = async (client: Client, _range: KeyRange, left: RowHashes) =>
      readKeyHashes(client, table.target, this.#columns(table.target), [...left.keys()].map(splitKey));
    for await (const { left, right, passed, applied } of sideBySide(this.#options, this.#walk(), rows, same)) {
      this.#counted(left.size, 0, passed, applied);
      if (!this.#add(differingKeys(left, right))) return;
    }
    const read = async <T>(work: (client: Client) => Promise<T>): Promise<T> => (await target.read(table.target, 0n, work)).value;
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
    for (const range of ranges) yield* this.#walk(range);
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
