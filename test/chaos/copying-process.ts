/** Connector or applier of `npm run chaos:copies`: the built command, as its users run it, in one life after the other. */
import { peakMegabytes } from "../bench/process-figures.ts";
import { type Running, start } from "../bench/product.ts";
import type { CopyProgress, Progress } from "./copy-progress.ts";

/** From 0 to 1, and whether the process has a part of the copy to do. */
export type ShareOf = (now: Progress) => readonly [share: number, underWay: boolean];

export class CopyingProcess {
  /** At which shares of the copy it was killed. */
  readonly killedAt: number[] = [];
  /** Of all its lives. */
  peakMb = 0;
  readonly #name: "connector" | "applier";
  readonly #file: string;
  #running: Running;

  /** @param file offtake.yaml */
  constructor(file: string, name: "connector" | "applier") {
    this.#file = file;
    this.#name = name;
    this.#running = start({ file }, name);
  }

  /** Kills it and starts it again, at each of the shares; returns early when the copy is over. @param shares ascending */
  async killAt(shares: readonly number[], progress: CopyProgress, of: ShareOf, say: (line: string) => void): Promise<void> {
    for (const share of shares) {
      await progress.until((now) => of(now)[0] >= share);
      const [at, underWay] = of(progress.now);
      if (!underWay) return;
      this.#look();
      await this.#running.kill();
      this.#running = start({ file: this.#file }, this.#name);
      this.killedAt.push(Number(at.toFixed(3)));
      say(`killed at ${(at * 100).toFixed(1)} % of the copy: ${this.#name}`);
    }
  }

  /** @returns its exit code */
  async stop(): Promise<number | null> {
    this.#look();
    return this.#running.stop();
  }

  async kill(): Promise<void> {
    await this.#running.kill();
  }

  #look(): void {
    this.peakMb = Math.max(this.peakMb, peakMegabytes(this.#running.pid));
  }
}
