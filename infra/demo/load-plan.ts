/**
 * Which transactions one connection of the load runs, in which order: decided by the seed alone, so that a run can be had again.
 *
 * Pure.
 */
import { Desk } from "./desk.ts";
import * as decisions from "./decision-transactions.ts";
import * as desks from "./desk-transactions.ts";
import type { LoadTransaction } from "./load-transaction.ts";
import { SeededRandom } from "./seeded-random.ts";
import * as trading from "./trading-transactions.ts";

type Write = (desk: Desk, random: SeededRandom) => LoadTransaction;

interface Kind {
  readonly weight: number;
  /** Whether the desk has what it takes. */
  readonly possible?: (desk: Desk) => boolean;
  readonly write: Write;
}

const kinds: readonly Kind[] = [
  { weight: 120, write: trading.placeTrades },
  { weight: 160, write: trading.marketOrder },
  { weight: 80, possible: ({ openTrades }) => openTrades.length > 0, write: trading.fillOrders },
  { weight: 40, possible: ({ openTrades }) => openTrades.length > 0, write: trading.cancelOrder },
  { weight: 20, possible: ({ closedTrades }) => closedTrades.length > 0, write: trading.purgeOrders },
  { weight: 30, write: trading.markPositions },
  { weight: 30, write: trading.abandonedIdea },
  { weight: 15, write: trading.rolledBack },
  { weight: 5, write: desks.newCustomer },
  { weight: 40, write: desks.tuneStrategy },
  { weight: 60, write: desks.agentBeat },
  { weight: 15, write: desks.moveAgent },
  { weight: 2, write: trading.importOrders },
  { weight: 120, write: decisions.decide },
  { weight: 1, write: decisions.decideOnMuch },
  { weight: 60, possible: (desk) => desk.decisions.length > 0, write: decisions.reviseDecision },
  { weight: 60, possible: (desk) => desk.decisions.length > 0, write: decisions.reviseFeatures },
  { weight: 25, possible: (desk) => desk.decisions.length > 0, write: decisions.dropDecision },
  { weight: 100, possible: ({ filledTrades }) => filledTrades.length > 0, write: decisions.measureOutcome },
  { weight: 40, write: (_desk, random) => decisions.calibrate(random, random.between(1, 6)) },
  // One connection alone empties the log, so that no two wait for each other's lock in turn.
  { weight: 6, possible: ({ number }) => number === 0, write: () => decisions.forgetCalibration() },
];

/**
 * The transactions of one connection.
 *
 * @param budget ends exactly there, in row changes; without it there is no end
 */
export function* planLoad(seed: number, connection: number, budget = Number.POSITIVE_INFINITY): Generator<LoadTransaction, void> {
  const random = new SeededRandom(seed, `load ${connection}`);
  const desk = new Desk(connection);
  let left = budget;
  let next: Write = desks.openDesk;
  while (left > 0) {
    const transaction = next(desk, random);
    if (transaction.changes > left) {
      // The desk believes that this one has happened; nobody asks it any more.
      yield decisions.calibrate(random, left);
      return;
    }
    left -= transaction.changes;
    yield transaction;
    next = choose(desk, random);
  }
}

function choose(desk: Desk, random: SeededRandom): Write {
  const possible = kinds.filter((kind) => kind.possible?.(desk) ?? true);
  let at = random.fraction() * possible.reduce((sum, { weight }) => sum + weight, 0);
  for (const { weight, write } of possible) {
    at -= weight;
    if (at < 0) return write;
  }
  return trading.placeTrades;
}

/** Shares of `rows` for each connection, which differ by one at most. */
export function budgets(rows: number, connections: number): number[] {
  return Array.from({ length: connections }, (_, i) => Math.floor(rows / connections) + (i < rows % connections ? 1 : 0));
}
