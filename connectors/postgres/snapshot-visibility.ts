/**
 * Which transactions a snapshot of the source sees. Commit order in the WAL is not the order in which others see it: a transaction that waits for a
 * synchronous standby is decoded while readers still get the row before. Positions alone would publish that row behind the newer one, for ever.
 *
 *     Snapshot   xmin ":" xmax ":" (xid ("," xid)*)?        running: xmin <= xid < xmax
 *
 * Pure. Source: PostgreSQL documentation, "Transaction ID and Snapshot Information Functions", pg_snapshot.
 */
import { OfftakeError } from "../../services/runtime/errors.ts";

const text = /^(\d+):(\d+):((?:\d+(?:,\d+)*)?)$/;

export class Visibility {
  readonly #min: number;
  readonly #max: number;
  /** 64-bit numbers, which stay within 2^53 for longer than any server lives. */
  readonly #running: ReadonlySet<number>;

  /**
   * @param snapshot as pg_current_snapshot() prints it; on a primary: a standby's has an empty list
   * @throws OfftakeError INTERNAL for anything else
   */
  constructor(snapshot: string) {
    const match = text.exec(snapshot);
    if (match === null) throw new OfftakeError("INTERNAL", `The source gives the snapshot ${JSON.stringify(snapshot)}.`);
    this.#min = Number(match[1]);
    this.#max = Number(match[2]);
    this.#running = new Set(match[3] === "" ? [] : match[3]!.split(",").map(Number));
  }

  /** @param xid top-level, in 32 bits: the one of that number that is nearest to the snapshot */
  sees(xid: number): boolean {
    const full = this.#max + ((xid - (this.#max % 0x1_0000_0000)) | 0);
    if (full < this.#min) return true;
    return full < this.#max && !this.#running.has(full);
  }
}
