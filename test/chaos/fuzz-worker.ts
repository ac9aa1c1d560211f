/** The thread of fuzz.ts: says what came out, and ends. */
import { parentPort, workerData } from "node:worker_threads";
import type { FuzzOrder } from "./fuzz.ts";
import { FuzzBoard } from "./fuzz-board.ts";
import { fuzzReaders } from "./fuzz-course.ts";
import type { FuzzedReader } from "./fuzzed-readers.ts";

const { inputs, seed, readers, only, board }: FuzzOrder = workerData;
const source: { readersOf: (seed: number) => FuzzedReader[] } = await import(readers);
const shared = new FuzzBoard(board);
const chosen = source.readersOf(seed).filter(({ name }) => only === undefined || name === only);
const found = fuzzReaders({ inputs, seed, readers: chosen, begin: (reader, bytes) => shared.begin(reader, bytes) });
parentPort?.postMessage(found, []);
