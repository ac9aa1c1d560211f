/**
 * Bytes that nobody has written, given to each reader of bytes from outside: it refuses them with a code, or says what they mean, as a reader that shares no code
 * with it does. It never hangs, and takes no more memory than the input allows.
 */
import { isDeepStrictEqual } from "node:util";
import { SeededRandom } from "../../infra/demo/seeded-random.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { mutatedBytes } from "../support/mutated-bytes.ts";
import { eventReader, type FuzzedReader, pgoutputReader, recordBatchReader } from "./fuzzed-readers.ts";

export interface Fuzzed {
  readonly inputs: number;
  readonly seed: number;
  /** By reader: refused with a code, and understood. */
  readonly readers: Readonly<Record<string, { readonly refused: number; readonly understood: number }>>;
  /** Inputs by which a reader failed without a code, or which it understood otherwise than the other one; the first of them in words. */
  readonly wrong: readonly string[];
  /** Milliseconds of the slowest input. */
  readonly slowestMs: number;
  /** Bytes of memory outside of the heap that one input was given, beyond a hundred times its length. */
  readonly excessBytes: number;
  readonly seconds: number;
}

const mostWrong = 20;
const memoryFactor = 100;
/** What a reader may keep whatever the input is. */
const memoryFloor = 1 << 20;

export function fuzz(inputs: number, seed: number): Fuzzed {
  const began = performance.now();
  const wrong: string[] = [];
  const readers: Record<string, { refused: number; understood: number }> = {};
  let slowestMs = 0;
  let excessBytes = 0;
  const all = [pgoutputReader(seed), recordBatchReader(seed), eventReader(seed)];
  for (const reader of all) {
    const counts = (readers[reader.name] = { refused: 0, understood: 0 });
    const random = new SeededRandom(seed, reader.name);
    for (let left = Math.ceil(inputs / all.length); left > 0; left -= 1) {
      const sample = random.between(0, reader.samples.length - 1);
      const bytes = reader.mended(mutatedBytes(random, reader.samples[sample]!, random.pick(reader.samples)));
      const from = performance.now();
      const before = process.memoryUsage().arrayBuffers;
      const outcome = outcomeOf(reader, bytes, sample);
      excessBytes = Math.max(excessBytes, process.memoryUsage().arrayBuffers - before - memoryFloor - bytes.length * memoryFactor);
      slowestMs = Math.max(slowestMs, performance.now() - from);
      if (outcome === "refused" || outcome === "understood") counts[outcome] += 1;
      else if (wrong.length < mostWrong) wrong.push(`${reader.name} ${bytes.toString("hex")}: ${outcome}`);
    }
  }
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  return { inputs, seed, readers, wrong, slowestMs: Math.round(slowestMs), excessBytes: Math.max(excessBytes, 0), seconds };
}

/** @returns refused, understood, or what is wrong */
export function outcomeOf(reader: FuzzedReader, bytes: Buffer, sample: number): string {
  let read: unknown;
  try {
    read = reader.read(bytes, sample);
  } catch (error) {
    return error instanceof OfftakeError ? "refused" : `failed without a code: ${String(error)}`;
  }
  let means: unknown;
  try {
    means = reader.means(bytes, sample);
  } catch (error) {
    return `understood, and is nothing: ${String(error)}`;
  }
  return isDeepStrictEqual(read, means) ? "understood" : "understood as something else";
}
