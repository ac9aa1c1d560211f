import { expect, test } from "vitest";
import { nothingDecided } from "../../../services/reconcile/candidates.ts";
import { StreamFindings } from "../../../services/reconcile/stream-findings.ts";

const keys = ["1", "2", "3"].map((id) => ({ id, place: "x" }));

test("what is wrong is told once, and again when it was right meanwhile", () => {
  const findings = new StreamFindings();
  const wrong = { ...nothingDecided(), missing: new Map([["1", { key: { place: "x", id: "1" } }]]) };
  const undecided = { ...nothingDecided(), undecided: new Map([["1", { key: { place: "x", id: "1" }, waitsFor: "it" }]]) };
  const told = [wrong, wrong, undecided, wrong, nothingDecided(), wrong].map((decided) => {
    const fresh = findings.fresh("public.t", keys, decided);
    findings.recorded("public.t", fresh);
    return fresh.missing.length;
  });
  expect(told).toEqual([1, 0, 0, 0, 0, 1]);
  expect(findings.fresh("public.other", keys, wrong).missing).toEqual([{ key: { place: "x", id: "1" } }]);
});

test("what could not be recorded is new the next time, and what is recorded is not", () => {
  const findings = new StreamFindings();
  const [first, second] = keys.map((key) => ({ key }));
  const one = { ...nothingDecided(), extra: new Map([["1", first!]]) };
  const both = { ...one, missing: new Map([["2", second!]]) };
  findings.recorded("public.t", findings.fresh("public.t", keys, one));
  expect([both, both].map((decided) => findings.fresh("public.t", keys, decided))).toEqual([
    { missing: [second], extra: [], differing: [] },
    { missing: [second], extra: [], differing: [] },
  ]);
});
