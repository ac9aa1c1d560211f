/**
 * Bytes that nobody has written, given to each reader of bytes from outside: it refuses them with a code, or says what they mean, as a reader that shares no code
 * with it does. It takes no more memory and time than the input allows, and at the end it understands what somebody has written, as at the beginning.
 */
import { isDeepStrictEqual } from "node:util";
import { SeededRandom } from "../../infra/demo/seeded-random.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { mutatedBytes } from "../support/mutated-bytes.ts";
import type { FuzzedReader } from "./fuzzed-readers.ts";

export interface Fuzzed {
  readonly inputs: number;
  readonly seed: number;
  /** By reader: refused with a code, and understood. */
  readonly readers: Readonly<Record<string, { readonly refused: number; readonly understood: number }>>;
  /** Inputs by which a reader failed without a code, took too long, or which it understood otherwise than the other one; the first of them in words. */
  readonly wrong: readonly string[];
  /** Milliseconds of the processor's time that the slowest input took. */
  readonly slowestMs: number;
  /** Bytes of memory outside of the heap that one input was given, beyond a hundred times its length and a megabyte. */
  readonly excessBytes: number;
  /** The same on the heap, beyond a thousand times its length and eight megabytes. */
  readonly excessHeapBytes: number;
  readonly seconds: number;
}

export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  readonly readers: readonly FuzzedReader[];
  /** Told before each input, by the reader's index. */
  readonly begin: (reader: number, bytes: Buffer) => void;
}

const mostWrong = 20;
/** What an input may take for each of its bytes, and what a reader may keep whatever the input is: objects are larger than bytes, and compiled code is on the heap, too. */
const memory = { factor: 100, floor: 1 << 20, heapFactor: 1000, heapFloor: 8 << 20 };
/** Of the processor's time, where a microsecond is usual: that of others does not count, and the collector's is a hundredth of it. */
const slowMs = 1000;

interface Reading {
  /** What is not refused. */
  readonly read?: unknown;
  readonly outcome?: string;
}

export function fuzzReaders({ inputs, seed, readers: all, begin }: FuzzOptions): Fuzzed {
  const began = performance.now();
  const wrong: string[] = [];
  const complain = (words: string): void => void (wrong.length < mostWrong && wrong.push(words));
  const readers: Record<string, { refused: number; understood: number }> = {};
  let slowestMs = 0;
  let excessBytes = 0;
  let excessHeapBytes = 0;
  for (const [index, reader] of all.entries()) {
    const counts = (readers[reader.name] = { refused: 0, understood: 0 });
    const random = new SeededRandom(seed, reader.name);
    for (let left = Math.ceil(inputs / all.length); left > 0; left -= 1) {
      const sample = random.between(0, reader.samples.length - 1);
      const bytes = reader.mended(mutatedBytes(random, reader.samples[sample]!, random.pick(reader.samples)));
      begin(index, bytes);
      const before = process.memoryUsage();
      const from = process.threadCpuUsage();
      const reading = readingOf(reader, bytes, sample);
      const took = process.threadCpuUsage(from);
      const after = process.memoryUsage();
      const ms = (took.user + took.system) / 1000;
      slowestMs = Math.max(slowestMs, ms);
      excessBytes = Math.max(excessBytes, after.arrayBuffers - before.arrayBuffers - memory.floor - bytes.length * memory.factor);
      excessHeapBytes = Math.max(excessHeapBytes, after.heapUsed - before.heapUsed - memory.heapFloor - bytes.length * memory.heapFactor);
      const outcome = judged(reading, reader, bytes, sample);
      if (outcome === "refused" || outcome === "understood") counts[outcome] += 1;
      else complain(`${reader.name} ${bytes.toString("hex")}: ${outcome}`);
      if (ms > slowMs) complain(`${reader.name} ${bytes.toString("hex")}: took ${Math.round(ms)} ms`);
    }
    for (const [sample, bytes] of reader.samples.entries()) {
      begin(index, bytes);
      const outcome = outcomeOf(reader, bytes, sample);
      if (outcome !== "understood") complain(`${reader.name} ${bytes.toString("hex")}, which somebody has written: ${outcome} after all others`);
    }
  }
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  return { inputs, seed, readers, wrong, slowestMs: Math.round(slowestMs), excessBytes, excessHeapBytes, seconds };
}

/** @returns refused, understood, or what is wrong */
export function outcomeOf(reader: FuzzedReader, bytes: Buffer, sample: number): string {
  return judged(readingOf(reader, bytes, sample), reader, bytes, sample);
}

function readingOf(reader: FuzzedReader, bytes: Buffer, sample: number): Reading {
  try {
    return { read: reader.read(bytes, sample) };
  } catch (error) {
    return { outcome: error instanceof OfftakeError ? "refused" : `failed without a code: ${String(error)}` };
  }
}

function judged({ read, outcome }: Reading, reader: FuzzedReader, bytes: Buffer, sample: number): string {
  if (outcome !== undefined) return outcome;
  let means: unknown;
  try {
    means = reader.means(bytes, sample);
  } catch (error) {
    return `understood, and is nothing: ${String(error)}`;
  }
  return isDeepStrictEqual(read, means) ? "understood" : "understood as something else";
}
