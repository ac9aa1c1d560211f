/**
 * Transactions of trades, positions and the money that goes with them.
 *
 * Pure: the same desk and random numbers give the same statements.
 */
import { type Desk, type DeskStrategy, type DeskTrade, remember } from "./desk.ts";
import { type LoadTransaction, TransactionDraft } from "./load-transaction.ts";
import type { SeededRandom } from "./seeded-random.ts";

const venues = ["XNAS", "XNYS", "XETR", "BATS"] as const;

const insertTrade = `
  INSERT INTO trades (client_order_id, user_id, strategy_id, symbol, side, quantity, price, venue, settles_on, fix_message)
  VALUES ($1, $2, (SELECT id FROM strategies WHERE owner_id = $3 AND code = $4), $5, $6, $7, $8, $9, $10, $11)`;

const fillTrade = "UPDATE trades SET status = 'filled', filled_at = clock_timestamp(), fee = $2 WHERE client_order_id = $1";
const setCash = "UPDATE users SET cash = $2 WHERE id = $1";

function addTrade(draft: TransactionDraft, desk: Desk, random: SeededRandom): DeskTrade {
  const strategy = random.pick(desk.strategies);
  const trade = { id: random.uuid(), userId: random.pick(desk.users), strategy, symbol: random.pick(strategy.symbols), outcomes: [] };
  draft.step(insertTrade, [
    trade.id,
    trade.userId,
    strategy.ownerId,
    strategy.code,
    trade.symbol,
    random.pick(["buy", "sell"]),
    random.amount(100),
    random.amount(70_000),
    random.pick(venues),
    random.chance(0.9) ? `2026-0${random.between(1, 9)}-2${random.between(0, 8)}` : null,
    random.chance(0.5) ? random.bytes(48) : null,
  ]);
  return trade;
}

function fill(draft: TransactionDraft, desk: Desk, random: SeededRandom, trade: DeskTrade): void {
  draft.step(fillTrade, [trade.id, random.amount(50)], { byTriggers: 1 });
  trade.strategy.positions.add(trade.symbol);
  remember(desk.filledTrades, trade);
}

export function placeTrades(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  for (let i = random.between(1, 3); i > 0; i -= 1) remember(desk.openTrades, addTrade(draft, desk, random));
  return draft.commit();
}

/** Across two services: the trade, its position, and the money of its user. */
export function marketOrder(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  const trade = addTrade(draft, desk, random);
  fill(draft, desk, random, trade);
  return draft.step(setCash, [trade.userId, random.amount(1_000_000)]).commit();
}

export function fillOrders(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  for (let i = Math.min(random.between(1, 4), desk.openTrades.length); i > 0; i -= 1) fill(draft, desk, random, random.take(desk.openTrades));
  return draft.commit();
}

export function cancelOrder(desk: Desk, random: SeededRandom): LoadTransaction {
  const trade = random.take(desk.openTrades);
  remember(desk.closedTrades, trade);
  return new TransactionDraft().step("UPDATE trades SET status = 'cancelled' WHERE client_order_id = $1", [trade.id]).commit();
}

/** Only what was never filled: no position and no outcome refers to it. */
export function purgeOrders(desk: Desk, random: SeededRandom): LoadTransaction {
  const ids = Array.from({ length: Math.min(random.between(1, 5), desk.closedTrades.length) }, () => random.take(desk.closedTrades).id);
  return new TransactionDraft().step("DELETE FROM trades WHERE client_order_id = ANY ($1)", [ids], { rows: ids.length }).commit();
}

const importTrades = `
  INSERT INTO trades (client_order_id, user_id, strategy_id, symbol, side, quantity, price, venue)
  SELECT order_id, $1, (SELECT id FROM strategies WHERE owner_id = $2 AND code = $3), $4, 'buy', quantity, price, 'IMPORT'
    FROM unnest($5::uuid[], $6::numeric[], $7::numeric[]) AS imported (order_id, quantity, price)`;

/** The larger transaction: orders of another system, and a change to all of those that had been open for longest. */
export function importOrders(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  const strategy = random.pick(desk.strategies);
  const userId = random.pick(desk.users);
  const symbol = random.pick(strategy.symbols);
  const stale = desk.openTrades.splice(0, Math.floor(desk.openTrades.length / 2));
  const trades = Array.from({ length: random.between(200, 600) }, () => ({ id: random.uuid(), userId, strategy, symbol, outcomes: [] }));
  const ids = trades.map((trade) => trade.id);
  const [quantities, prices] = [ids.map(() => random.amount(100)), ids.map(() => random.amount(70_000))];
  draft.step(importTrades, [userId, strategy.ownerId, strategy.code, symbol, ids, quantities, prices], { rows: ids.length });
  const staleIds = stale.map((trade) => trade.id);
  draft.step("UPDATE trades SET status = 'expired' WHERE client_order_id = ANY ($1)", [staleIds], { rows: stale.length });
  remember(desk.openTrades, ...trades);
  remember(desk.closedTrades, ...stale);
  return draft.commit();
}

const mark = "UPDATE positions SET mark_price = $3 WHERE strategy_id = (SELECT id FROM strategies WHERE owner_id = $1 AND code = $2)";

export function markPositions(desk: Desk, random: SeededRandom): LoadTransaction {
  const { ownerId, code, positions }: DeskStrategy = random.pick(desk.strategies);
  return new TransactionDraft().step(mark, [ownerId, code, random.amount(70_000)], { rows: positions.size }).commit();
}

/** An idea that is given up halfway: of the order only the money that was set aside remains. */
export function abandonedIdea(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  draft.step(setCash, [random.pick(desk.users), random.amount(1_000_000)]).savepoint();
  const trade = addTrade(draft, desk, random);
  draft.step(fillTrade, [trade.id, random.amount(50)], { byTriggers: 1 });
  return draft
    .rollBackToSavepoint()
    .step(setCash, [random.pick(desk.users), random.amount(1_000_000)])
    .commit();
}

export function rolledBack(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  addTrade(draft, desk, random);
  return draft.step(setCash, [random.pick(desk.users), random.amount(1_000_000)]).rollBack();
}
