import { expect, test } from "vitest";
import type { TableProof } from "../../../infra/demo/proof.ts";
import { quantile } from "../../../infra/demo/quantile.ts";
import { type Evidence, exitCodeOf, verdictOf, verdictText } from "../../../infra/demo/verdict.ts";
import { ExitCode } from "../../../services/cli/terminal.ts";

const equal: TableProof = { service: "api-gateway", table: "public.users", sourceRows: 20, targetRows: 20, rows: 20, different: 0, differences: [] };
const evidence: Evidence = {
  proofs: [equal, { ...equal, table: "public.trades", service: "trading-engine", rows: 1200, sourceRows: 1200, targetRows: 1200 }],
  changes: 5000,
  expectedEvents: 5003,
  events: 5003,
  transactions: 1000,
  seconds: 2.5041,
  latencies: [3, 1, 2, 4.04],
};

test("equal: the object that scripts get, and exit code 0", () => {
  expect(verdictOf(evidence)).toEqual({
    verdict: "equal",
    tables: 2,
    rows: 1220,
    events: 5003,
    transactions: 1000,
    seconds: 2.5,
    p50Ms: 2,
    p99Ms: 4,
  });
  expect(exitCodeOf(verdictOf(evidence))).toBe(ExitCode.done);
  expect(verdictText(evidence)).toContain("Equal: 2 tables, 1 220 rows, every column of every row.");
});

test("one row that differs: different, exit code 3, and its table and key", () => {
  const differences = [{ kind: "missing", key: "id=7" }] as const;
  const different = { ...evidence, proofs: [equal, { ...equal, different: 3, differences }] };
  expect(verdictOf(different).verdict).toBe("different");
  expect(exitCodeOf(verdictOf(different))).toBe(ExitCode.no);
  const text = verdictText(different);
  expect(text).toContain("  missing at api-gateway: public.users id=7\n  and 2 more\n");
  expect(text).toContain("DIFFERENT: 3 of 40 rows in 1 of 2 tables.");
  expect(text).not.toContain("Equal");
});

test.each([5002, 5004])("all rows equal, but %d events instead of 5003: different", (events) => {
  const lost = { ...evidence, events };
  expect(verdictOf(lost).verdict).toBe("different");
  expect(verdictText(lost)).toMatch(/^DIFFERENT: every row is equal, but the topics hold 5 00[24] events instead of 5 003\.$/m);
});

test("a quantile is one of the values, by nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([0, 0.5, 0.99, 1].map((q) => quantile(hundred, q))).toEqual([1, 50, 99, 100]);
  expect(quantile([5], 0.99)).toBe(5);
  expect(quantile([], 0.5)).toBeNaN();
});
