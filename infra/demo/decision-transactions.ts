/**
 * Transactions of the AI: decisions with their features, what became of them, and how well the models are calibrated.
 *
 * Pure: the same desk and random numbers give the same statements.
 */
import { type Desk, type DeskDecision, remember } from "./desk.ts";
import { type LoadTransaction, TransactionDraft } from "./load-transaction.ts";
import type { SeededRandom } from "./seeded-random.ts";

const models = ["gradient-7", "transformer-2", "kelly"] as const;
const horizons = [5, 60, 1440, 10_080] as const;

const insertDecision = `
  INSERT INTO ai_decisions (id, strategy_id, trade_id, model, action, confidence, rationale, market, embedding, features_hash, took)
  VALUES ($1, (SELECT id FROM strategies WHERE owner_id = $2 AND code = $3), (SELECT id FROM trades WHERE client_order_id = $4), $5, $6, $7, $8, $9, $10,
          $11, $12)`;

const insertFeatures = `
  INSERT INTO ai_decision_features (decision_id, name, value, weight, bucket)
  SELECT $1, name, value, weight, bucket
    FROM unnest($2::text[], $3::float8[], $4::real[], $5::smallint[]) AS feature (name, value, weight, bucket)`;

export function decide(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  addDecision(draft, desk, random, random.between(3, 8));
  return draft.commit();
}

/** One decision on very many features. */
export function decideOnMuch(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  addDecision(draft, desk, random, random.between(300, 900));
  return draft.commit();
}

function addDecision(draft: TransactionDraft, desk: Desk, random: SeededRandom, featureCount: number): void {
  const { ownerId, code } = random.pick(desk.strategies);
  const trade = desk.filledTrades.length > 0 && random.chance(0.5) ? random.pick(desk.filledTrades).id : null;
  const decision: DeskDecision = { id: random.uuid(), features: [], outcomes: 0 };
  draft.step(insertDecision, [
    decision.id,
    ownerId,
    code,
    trade,
    random.pick(models),
    random.pick(["buy", "sell", "hold"]),
    random.probability(),
    random.chance(0.1) ? `Because ${random.hex(6000)}` : `Because ${random.hex(random.between(10, 200))}`,
    JSON.stringify({ volatility: random.fraction(), regime: random.pick(["calm", "wild"]) }),
    random.chance(0.5) ? Array.from({ length: 8 }, () => Math.fround(random.fraction())) : null,
    random.bytes(16),
    random.pick(["00:00:00.25", "1.5 s", "-00:00:01", null]),
  ]);
  for (let i = 0; i < featureCount; i += 1) decision.features.push(`f${i}-${random.hex(4)}`);
  const values = decision.features.map(() =>
    random.pick([random.fraction() * 1e6, -random.fraction(), 0, 1e-300, Number.NaN, Number.POSITIVE_INFINITY]),
  );
  const weights = decision.features.map(() => Math.fround(random.fraction()));
  const buckets = decision.features.map(() => (random.chance(0.8) ? random.between(-5, 5) : null));
  draft.step(insertFeatures, [decision.id, decision.features, values, weights, buckets], { rows: featureCount });
  remember(desk.decisions, decision);
}

/** Leaves the rationale as it is, long or not. */
export function reviseDecision(desk: Desk, random: SeededRandom): LoadTransaction {
  const { id } = random.pick(desk.decisions);
  return new TransactionDraft().step("UPDATE ai_decisions SET confidence = $2, superseded = true WHERE id = $1", [id, random.probability()]).commit();
}

const dropFeature = "DELETE FROM ai_decision_features WHERE decision_id = $1 AND name = $2";
const weighFeature = "UPDATE ai_decision_features SET weight = $3 WHERE decision_id = $1 AND name = $2";

export function reviseFeatures(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  const { id, features } = random.pick(desk.decisions);
  if (features.length > 1 && random.chance(0.3)) draft.step(dropFeature, [id, random.take(features)]);
  return draft.step(weighFeature, [id, random.pick(features), Math.fround(random.fraction())]).commit();
}

/** Its features go with it, and its outcomes forget it: the monolith's foreign keys see to that. */
export function dropDecision(desk: Desk, random: SeededRandom): LoadTransaction {
  const { id, features, outcomes } = random.take(desk.decisions);
  return new TransactionDraft().step("DELETE FROM ai_decisions WHERE id = $1", [id], { byTriggers: features.length + outcomes }).commit();
}

const insertOutcome = `
  INSERT INTO ai_trade_outcomes (trade_id, horizon_minutes, decision_id, label, profit, return_rate, attribution)
  VALUES ((SELECT id FROM trades WHERE client_order_id = $1), $2, $3, $4, $5, $6, $7)`;

const updateOutcome = `
  UPDATE ai_trade_outcomes SET label = $3, profit = $4
   WHERE trade_id = (SELECT id FROM trades WHERE client_order_id = $1) AND horizon_minutes = $2`;

/** Across two services: the outcome, and the decision that is judged by it. */
export function measureOutcome(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  const trade = random.pick(desk.filledTrades);
  const label = random.pick(["win", "loss", "flat"]);
  const profit = `${random.pick(["-", ""])}${random.amount(10_000)}`;
  const horizon = horizons.find((each) => !trade.outcomes.includes(each));
  if (horizon === undefined) return draft.step(updateOutcome, [trade.id, random.pick(trade.outcomes), label, profit]).commit();
  const decision = desk.decisions.length > 0 && random.chance(0.6) ? random.pick(desk.decisions) : undefined;
  trade.outcomes.push(horizon);
  const attribution = JSON.stringify({ alpha: random.fraction(), fees: random.amount(10) });
  draft.step(insertOutcome, [trade.id, horizon, decision?.id ?? null, label, profit, random.pick([random.fraction(), null]), attribution]);
  if (decision === undefined) return draft.commit();
  decision.outcomes += 1;
  return draft.step("UPDATE ai_decisions SET superseded = false WHERE id = $1", [decision.id]).commit();
}

const insertCalibration = `
  INSERT INTO ai_calibration_log (model, predicted, observed, brier, period, note)
  SELECT model, predicted, observed, brier, '[2026-01-01 00:00+00,2026-01-02 00:00+00)', 'nightly'
    FROM unnest($1::text[], $2::numeric[], $3::numeric[], $4::float8[]) AS line (model, predicted, observed, brier)`;

export function calibrate(random: SeededRandom, lines: number): LoadTransaction {
  const each = Array.from({ length: lines }, () => [random.pick(models), random.probability(), random.probability(), random.fraction()] as const);
  const values = [each.map(([model]) => model), each.map(([, p]) => p), each.map(([, , o]) => o), each.map(([, , , brier]) => brier)];
  return new TransactionDraft().step(insertCalibration, values, { rows: lines }).commit();
}

/** Gives out the same numbers again afterwards. */
export function forgetCalibration(): LoadTransaction {
  return new TransactionDraft().step("TRUNCATE ai_calibration_log RESTART IDENTITY", [], { rows: 0, counted: 1 }).commit();
}
