/**
 * Reads of the source, each followed by one of the target that has all that it saw. The source is read ahead, so that the wait for the stream costs a pass nothing but its
 * end; and what was read there ahead is only older.
 */
import type { Client } from "pg";
import type { Lsn } from "../../connectors/postgres/lsn.ts";
import { interrupted } from "../runtime/errors.ts";
import { ahead } from "./ahead.ts";
import type { ComparedTable } from "./compared-table.ts";
import type { SourceSide } from "./source-side.ts";
import type { TargetSide } from "./target-side.ts";

/** Reads of the source that may wait: as many as are made while a heartbeat is on its way to the target, or the pass waits for each. */
const readsAhead = 16;

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

/** @throws OfftakeError of the two sides, INTERRUPTED */
export async function* sideBySide<Piece, Left, Right>(
  { table, source, target, signal }: Sides,
  pieces: AsyncGenerator<Piece, void>,
  readLeft: (client: Client, piece: Piece) => Promise<Left>,
  readRight: (client: Client, piece: Piece, left: Left) => Promise<Right>,
): AsyncGenerator<BothRead<Piece, Left, Right>, void> {
  async function* reads(): AsyncGenerator<{ piece: Piece; left: Left; passing: Promise<Lsn> }, void> {
    for await (const piece of pieces) {
      const left = await source.read(table.source, async (client) => readLeft(client, piece));
      const passing = source.passed();
      // Whoever waits for it hears of it.
      passing.catch(() => undefined);
      yield { piece, left, passing };
    }
  }
  for await (const { piece, left, passing } of ahead(reads(), readsAhead)) {
    if (signal.aborted) throw interrupted("the tables were compared");
    const passed = await passing;
    const { value: right, applied } = await target.read(table.target, passed, async (client) => readRight(client, piece, left));
    yield { piece, left, right, passed, applied };
  }
}
