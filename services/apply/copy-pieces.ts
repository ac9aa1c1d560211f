/**
 * The data of a COPY, laid out row after row in the arena's chunks: one piece for each run of rows that lie behind one another.
 *
 * A row is never in two pieces, so that its writer needs one buffer only.
 */
import type { ByteArena } from "./byte-arena.ts";

/** How a format writes the row `i` of those that are copied. */
export interface RowWriter {
  /** Bytes that it may need. */
  roomOf(i: number): number;
  /** @returns where it ends */
  write(to: Buffer, at: number, i: number): number;
}

/** @param arena holds the result until it is reset */
export function copyPieces(rows: number, writer: RowWriter, arena: ByteArena): Buffer[] {
  const pieces: Buffer[] = [];
  let bytes: Buffer = Buffer.alloc(0);
  let chunk = -1;
  let start = 0;
  let at = 0;
  for (let i = 0; i < rows; i += 1) {
    const size = writer.roomOf(i);
    const taken = arena.take(size);
    if (arena.chunk !== chunk || taken !== at) {
      if (at > start) pieces.push(bytes.subarray(start, at));
      chunk = arena.chunk;
      bytes = arena.chunks[chunk]!;
      start = taken;
    }
    at = writer.write(bytes, taken, i);
    arena.giveBack(taken + size - at);
  }
  if (at > start) pieces.push(bytes.subarray(start, at));
  return pieces;
}
