/**
 * Reads of the source, each followed by one of the target that has all that it saw. The source is read ahead, so that the wait for the stream costs a pass nothing but its
 * end; and what was read there ahead is only older. A piece that takes longer to read than a statement may is read in parts.
 */
import type { Client } from "pg";
import type { Lsn } from "../../connectors/postgres/lsn.ts";
import { sqlState } from "../../connectors/postgres/session.ts";
import { interrupted, OfftakeError } from "../runtime/errors.ts";
import { ahead } from "./ahead.ts";
import type { ComparedTable } from "./compared-table.ts";
import type { SourceSide } from "./source-side.ts";
import type { TargetSide } from "./target-side.ts";

export interface Sides {
  readonly table: ComparedTable;
  readonly source: SourceSide;
  readonly target: TargetSide;
  readonly signal: AbortSignal;
}

export interface BothRead<Piece, Left, Right> {
  readonly piece: Piece;
  readonly left: Left;
  readonly right: Right;
  /** All that the source's read saw lies before it. */
  readonly passed: Lsn;
  /** All that the target's read had. */
  readonly applied: Lsn;
}

interface LeftRead<Piece, Left> {
  readonly piece: Piece;
  readonly left: Left;
  readonly passing: Promise<Lsn>;
}

/** How pieces are read, and what of them is read where one takes longer than a statement may. */
export interface PieceReads<Piece, Left, Right> {
  readonly left: (client: Client, piece: Piece) => Promise<Left>;
  readonly right: (client: Client, piece: Piece, left: Left) => Promise<Right>;
  /**
   * Reads of the source that may wait for the target to catch up: with fewer than are made in that time a pass takes as many times as long as the target is behind. Each is in memory.
   */
  readonly ahead: number;
  /** @returns its parts; none where it has no two */
  readonly split: (piece: Piece) => Promise<readonly Piece[]>;
}

/** @throws OfftakeError of the two sides, INTERRUPTED */
export async function* sideBySide<Piece, Left, Right>(
  { table, source, target, signal }: Sides,
  pieces: AsyncGenerator<Piece, void>,
  reads: PieceReads<Piece, Left, Right>,
): AsyncGenerator<BothRead<Piece, Left, Right>, void> {
  async function* lefts(piece: Piece): AsyncGenerator<LeftRead<Piece, Left>, void> {
    let left: Left;
    try {
      left = await source.read(table.source, async (client) => reads.left(client, piece));
    } catch (error) {
      for (const part of await partsOf(piece, error)) yield* lefts(part);
      return;
    }
    const passing = source.passed();
    // Whoever waits for it hears of it.
    passing.catch(() => undefined);
    yield { piece, left, passing };
  }
  async function* rights({ piece, left, passing }: LeftRead<Piece, Left>): AsyncGenerator<BothRead<Piece, Left, Right>, void> {
    if (signal.aborted) throw interrupted("the tables were compared");
    const passed = await passing;
    let read: { readonly value: Right; readonly applied: Lsn };
    try {
      read = await target.read(table, passed, async (client) => reads.right(client, piece, left));
    } catch (error) {
      for (const part of await partsOf(piece, error)) for await (const again of lefts(part)) yield* rights(again);
      return;
    }
    yield { piece, left, right: read.value, passed, applied: read.applied };
  }
  async function partsOf(piece: Piece, error: unknown): Promise<readonly Piece[]> {
    if (!tookTooLong(error)) throw error;
    const parts = await reads.split(piece);
    if (parts.length < 2) throw error;
    return parts;
  }
  async function* allLefts(): AsyncGenerator<LeftRead<Piece, Left>, void> {
    for await (const piece of pieces) yield* lefts(piece);
  }
  for await (const left of ahead(allLefts(), reads.ahead)) yield* rights(left);
}

/** Whether a statement has met its time-out. */
function tookTooLong(error: unknown): boolean {
  return error instanceof OfftakeError && sqlState(error.cause) === "57014";
}
