/**
 * The tables that are being copied, each with a watch for every job: a repair reads keys of a table while the whole of it is copied, and what the stream has done to
 * it since is another thing for each of them.
 *
 * Pure.
 */
import { TableWatch } from "./table-watch.ts";

const none: readonly TableWatch[] = [];

export class TableWatches {
  /** By OID. */
  readonly #watches = new Map<number, readonly TableWatch[]>();

  /** Tables that are watched. */
  get size(): number {
    return this.#watches.size;
  }

  of(oid: number): readonly TableWatch[] {
    return this.#watches.get(oid) ?? none;
  }

  /** @param within the transaction that the stream is in */
  add(oid: number, within: number | undefined): TableWatch {
    const watch = new TableWatch(within);
    this.#watches.set(oid, [...this.of(oid), watch]);
    return watch;
  }

  remove(oid: number, watch: TableWatch): void {
    const left = this.of(oid).filter((each) => each !== watch);
    if (left.length === 0) this.#watches.delete(oid);
    else this.#watches.set(oid, left);
  }
}
