/**
 * The course of fuzz-course.ts in a thread of its own, with somebody who watches it: a reader that never comes back would hold the run for ever, without a word of the
 * input that it was.
 */
import { Worker } from "node:worker_threads";
import type { Fuzzed } from "./fuzz-course.ts";
import { FuzzBoard } from "./fuzz-board.ts";

export interface FuzzWatch {
  /** The module that gives the readers: readersOf(seed). */
  readonly readers?: URL;
  /** Only the one of this name. */
  readonly only?: string;
  /** Milliseconds that one input may take, whatever else the machine does. */
  readonly patienceMs?: number;
}

export interface FuzzOrder {
  readonly inputs: number;
  readonly seed: number;
  /** As FuzzWatch has them. */
  readonly readers: string;
  readonly only: string | undefined;
  readonly board: SharedArrayBuffer;
}

export async function fuzz(
  inputs: number,
  seed: number,
  { readers = new URL("./fuzzed-readers.ts", import.meta.url), only, patienceMs = 60_000 }: FuzzWatch = {},
): Promise<Fuzzed> {
  const board = new FuzzBoard();
  const order: FuzzOrder = { inputs, seed, readers: readers.href, only, board: board.shared };
  const { promise, resolve } = Promise.withResolvers<Fuzzed>();
  const ended = (why: string): void => resolve(cutOff(order, `${board.shown()}: ${why}`));
  const worker = new Worker(new URL("./fuzz-worker.ts", import.meta.url), {
    workerData: order,
    execArgv: [],
  });
  worker.once("message", resolve).once("error", (error) => ended(`ended the run: ${String(error)}`));
  let seen = board.begun;
  let since = performance.now();
  const watch = setInterval(() => {
    // Loading takes what it takes.
    if (board.begun === 0 || board.begun !== seen) [seen, since] = [board.begun, performance.now()];
    else if (performance.now() - since > patienceMs) ended(`did not come back in ${patienceMs / 1000} s`);
  }, patienceMs / 20);
  try {
    return await promise;
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}

function cutOff({ inputs, seed }: FuzzOrder, wrong: string): Fuzzed {
  return { inputs, seed, readers: {}, wrong: [wrong], slowestMs: 0, excessBytes: 0, excessHeapBytes: 0, seconds: 0 };
}
