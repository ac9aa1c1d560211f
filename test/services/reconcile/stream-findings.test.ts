import { expect, test } from "vitest";
import { nothingDecided } from "../../../services/reconcile/candidates.ts";
import { StreamFindings } from "../../../services/reconcile/stream-findings.ts";

const keys = ["1", "2", "3"].map((id) => ({ id, place: "x" }));

test("what is wrong is told once, and again when it was right meanwhile", () => {
  const findings = new StreamFindings();
  const wrong = { ...nothingDecided(), missing: new Map([["1", { key: { place: "x", id: "1" } }]]) };
  const undecided = { ...nothingDecided(), undecided: new Map([["1", { key: { place: "x", id: "1" }, waitsFor: "it" }]]) };
  const told = [wrong, wrong, undecided, wrong, nothingDecided(), wrong].map((decided) => findings.fresh("public.t", keys, decided).missing.length);
  expect(told).toEqual([1, 0, 0, 0, 0, 1]);
  expect(findings.fresh("public.other", keys, wrong).missing).toEqual([{ key: { place: "x", id: "1" } }]);
});
