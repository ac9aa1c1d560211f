/**
 * What the monolith has acknowledged, as the client that was told so remembers it, on disk before it does anything else. A write that is in the ledger and not at
 * the target is lost, whatever the source says.
 *
 * A commit whose answer was lost is in doubt: only the source can say what became of it.
 */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import type { Deed } from "./deed.ts";

export class Ledger {
  /** By the id of the transfer, in the order in which each clerk was answered. */
  readonly acknowledged = new Map<number, Deed>();
  readonly inDoubt = new Map<number, Deed>();
  readonly #file: number;

  /** @param path where it survives the death of the client */
  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  acknowledge(deed: Deed): void {
    this.acknowledged.set(deed.id, deed);
    this.#write("acknowledged", deed);
  }

  doubt(deed: Deed): void {
    this.inDoubt.set(deed.id, deed);
    this.#write("in doubt", deed);
  }

  /**
   * Everything that was committed, of each clerk in order.
   *
   * @param atSource ids of the transfers that the source has
   */
  committed(atSource: ReadonlySet<number>): Deed[] {
    const certain = [...this.inDoubt.values()].filter(({ id }) => atSource.has(id));
    return [...this.acknowledged.values(), ...certain].toSorted((a, b) => a.id - b.id);
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(what: string, deed: Deed): void {
    writeSync(this.#file, `${JSON.stringify({ what, ...deed })}\n`);
    fsyncSync(this.#file);
  }
}
