/**
 * What the monolith has acknowledged, as the client that was told so remembers it. "Both sides are equal" proves nothing when both lost the same write;
 * a write that is in the ledger and not at the target is lost, whatever the source says.
 */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";

export interface Transfer {
  readonly id: number;
  readonly from: number;
  readonly to: number;
  readonly amount: number;
}

export class Ledger {
  readonly acknowledged = new Map<number, Transfer>();
  readonly #file: number;

  /** @param path where it survives the death of the client */
  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  acknowledge(transfer: Transfer): void {
    this.acknowledged.set(transfer.id, transfer);
    writeSync(this.#file, `${JSON.stringify(transfer)}\n`);
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}
