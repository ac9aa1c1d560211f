import fc from "fast-check";
import { expect, test } from "vitest";
import { budgets, planLoad } from "../../../infra/demo/load-plan.ts";
import type { LoadTransaction } from "../../../infra/demo/load-transaction.ts";

function first(transactions: Iterable<LoadTransaction>, count: number): LoadTransaction[] {
  const taken: LoadTransaction[] = [];
  for (const transaction of transactions) {
    taken.push(transaction);
    if (taken.length === count) break;
  }
  return taken;
}

const changesOf = (transactions: Iterable<LoadTransaction>): number => [...transactions].reduce((sum, { changes }) => sum + changes, 0);

test("the same seed gives the same statements in the same order, for each connection", () => {
  for (const connection of [0, 1, 2, 3]) expect(first(planLoad(5, connection), 2000)).toEqual(first(planLoad(5, connection), 2000));
});

test("another seed, and another connection, give other statements", () => {
  const [opening] = planLoad(5, 0);
  expect(first(planLoad(6, 0), 1)).not.toEqual([opening]);
  expect(first(planLoad(5, 1), 1)).not.toEqual([opening]);
});

test("a plan commits exactly as many row changes as it was given", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3000 }), fc.nat(), fc.nat({ max: 3 }), (budget, seed, connection) => {
      expect(changesOf(planLoad(seed, connection, budget))).toBe(budget);
    }),
    { numRuns: 50 },
  );
});

test("a larger plan begins as a smaller one does", () => {
  const small = [...planLoad(9, 2, 5000)].slice(0, -1);
  expect(first(planLoad(9, 2, 20_000), small.length)).toEqual(small);
});

test("the shares of the connections make up the whole and differ by one at most", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 16 }), (rows, connections) => {
      const shares = budgets(rows, connections);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(rows);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    }),
  );
});

test("a plan has everything that the demo is to show", () => {
  const plan = [...planLoad(1, 0, 60_000)];
  const sql = plan.flatMap(({ steps }) => steps.map((step) => step.sql));
  for (const piece of ["INSERT INTO", "UPDATE ", "DELETE FROM", "TRUNCATE", "ROLLBACK TO SAVEPOINT", "SET host = $3"])
    expect(sql.some((each) => each.includes(piece))).toBe(true);
  const tables = new Set(sql.flatMap((each) => /(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE) (\w+)/.exec(each)?.[1] ?? []));
  expect([...tables].toSorted()).toEqual([
    "agent_status",
    "ai_calibration_log",
    "ai_decision_features",
    "ai_decisions",
    "ai_trade_outcomes",
    "positions",
    "strategies",
    "trades",
    "users",
  ]);
  expect(plan.some(({ commits }) => !commits)).toBe(true);
  expect(plan.some(({ keyChanges }) => keyChanges > 0)).toBe(true);
  expect(Math.max(...plan.map(({ changes }) => changes))).toBeGreaterThan(200);
});

const truncates = (connection: number): number =>
  [...planLoad(1, connection, 60_000)].filter(({ steps }) => steps.some(({ sql }) => sql.includes("TRUNCATE"))).length;

test("only the first connection empties a table: two that did would wait for each other's locks", () => {
  expect(truncates(0)).toBeGreaterThan(0);
  expect([truncates(1), truncates(2), truncates(3)]).toEqual([0, 0, 0]);
});
