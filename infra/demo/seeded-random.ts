/**
 * Random numbers that come again: the same seed and name give the same numbers on every machine, so that a run that has shown something can be
 * shown again.
 *
 * Source: the generator is Bob Jenkins' small fast counting one (sfc32), as PractRand describes it.
 */
import { createHash } from "node:crypto";

export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param name of the stream: streams of one seed have nothing in common */
  constructor(seed: number, name: string) {
    const digest = createHash("sha256").update(`${seed} ${name}`).digest();
    [this.#a, this.#b, this.#c] = [digest.readInt32LE(0), digest.readInt32LE(4), digest.readInt32LE(8)];
  }

  /** 32 bits, from 0. */
  bits(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    return result >>> 0;
  }

  /** From 0 to below 1. */
  fraction(): number {
    return this.bits() / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.between(0, values.length - 1)];
    if (value === undefined) throw new RangeError("nothing to pick from");
    return value;
  }

  /** Takes one out of the list. */
  take<T>(values: T[]): T {
    const [value] = values.splice(this.between(0, values.length - 1), 1);
    if (value === undefined) throw new RangeError("nothing to take from");
    return value;
  }

  /** A decimal number as text: up to `most`, with as many decimals as numeric(18, 8) has; some of them zeros at the end. */
  amount(most: number): string {
    const decimals = this.pick(["25", "00", "50000000", "", String(this.between(1, 99_999_999)).padStart(8, "0")]);
    return `${this.between(1, most - 1)}${decimals === "" ? "" : `.${decimals}`}`;
  }

  /** From 0 to 1, with eight decimals. */
  probability(): string {
    return `0.${String(this.between(0, 99_999_999)).padStart(8, "0")}`;
  }

  uuid(): string {
    const hex = this.hex(32);
    const variant = this.pick(["8", "9", "a", "b"]);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  hex(length: number): string {
    let text = "";
    while (text.length < length) text += this.bits().toString(16).padStart(8, "0");
    return text.slice(0, length);
  }

  bytes(length: number): Buffer {
    return Buffer.from(this.hex(length * 2), "hex");
  }
}
