/** The rows of one statement: for each the change that its columns come from, or, for a row merged of several, one change per column. */
export class RowSet {
  readonly changes: number[] = [];
  /** Undefined as long as every row comes from one change. */
  sources: (Int32Array | undefined)[] | undefined;

  get length(): number {
    return this.changes.length;
  }

  add(change: number, source: Int32Array | undefined): void {
    this.changes.push(change);
    if (source !== undefined) {
      this.sources ??= [];
      this.sources[this.changes.length - 1] = source;
    }
  }

  static of(changes: readonly number[]): RowSet {
    const set = new RowSet();
    for (const change of changes) set.changes.push(change);
    return set;
  }
}
