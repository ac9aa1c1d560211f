/**
 * Decides of a key whether its rows at source and target are a mismatch. It is read on either side in turn, S1, T1, S2, T2, …, and each read waits until it has everything
 * that the one before it had: a read of the target until the applied position has passed all that the source's read saw; a read of the source until it sees all
 * that was applied when the target was read (unseen-writers.ts). So every read is of the same row as the one before, or of a later one, and lag is never a mismatch.
 *
 * Equal to the read before it: clean. Else it is a mismatch only where nothing has changed the row between the reads of one side before and after that of the other. Then
 * what the other had to have is known:
 *
 *     S1 = S2, one row version      T1 had to be that row:     it is missing, or differs
 *     T1 = T2, one row version      S2 had to be that row:     the target's is extra, or differs
 *
 * A row version is one by the transaction that made it (xmin): whoever writes the row, or deletes it and makes it anew, makes another, with a transaction that the
 * read before could not see. An absent row has none, and can have come and gone; so where the source has none, the target's version tells. Everything else is hot: read
 * once more. The same values are no evidence for anything.
 *
 * Pure. Both sides need their reads in the sessions that they began with: after a crash a server may give a transaction's number away once more.
 *
 * Source: ARCHITECTURE.md, "Reconcile"; PostgreSQL documentation, "System Columns"; src/backend/access/heap/heapam.c, freezing keeps xmin.
 */

/** A row as one side has it. */
export interface RowVersion {
  /** The transaction that made it, of its own server. */
  readonly xmin: string;
  /** Of the compared columns, in one order on both sides; null for NULL. What is long is cut. */
  readonly values: readonly (string | null)[];
  /** Where rows are compared by their values, the hash of those: what they print may differ. */
  readonly hash?: string;
  /** Its key as it is: one that was cut would be asked for, and found nowhere. Undefined where whoever reads has it already. */
  readonly key?: readonly string[];
}

export type Kind = "missing" | "extra" | "differing";

export type Judgement =
  | { readonly state: "clean" }
  | { readonly state: "hot" }
  | { readonly state: "mismatch"; readonly kind: Kind; readonly source: RowVersion | undefined; readonly target: RowVersion | undefined };

const clean: Judgement = { state: "clean" };
const hot: Judgement = { state: "hot" };

export class Sandwich {
  /** The read before, of the other side, and the one before that, of this side; undefined as a whole where there was none. */
  #before: { readonly row: RowVersion | undefined } | undefined;
  #ownBefore: { readonly row: RowVersion | undefined } | undefined;

  /**
   * The next read, of the side whose turn it is.
   *
   * @param side the source first, then in turn
   */
  read(side: "source" | "target", row: RowVersion | undefined): Judgement {
    const other = this.#before;
    const own = this.#ownBefore;
    this.#ownBefore = other;
    this.#before = { row };
    if (other === undefined) return hot;
    if (sameRow(other.row, row)) return clean;
    if (row === undefined || own?.row === undefined || own.row.xmin !== row.xmin) return hot;
    const [source, target] = side === "source" ? [row, other.row] : [other.row, row];
    return { state: "mismatch", kind: kindOf(source, target), source, target };
  }
}

function sameRow(a: RowVersion | undefined, b: RowVersion | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.hash !== undefined && b.hash !== undefined) return a.hash === b.hash;
  return a.values.length === b.values.length && a.values.every((value, i) => value === b.values[i]);
}

function kindOf(source: RowVersion | undefined, target: RowVersion | undefined): Kind {
  if (target === undefined) return "missing";
  return source === undefined ? "extra" : "differing";
}
