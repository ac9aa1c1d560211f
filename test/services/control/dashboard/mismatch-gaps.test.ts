import { expect, test } from "vitest";
import type { Mismatch } from "../../../../services/control/dashboard/api-answers.ts";
import { mismatchGaps } from "../../../../services/control/dashboard/mismatch-gaps.ts";
import type { ShownPass } from "../../../../services/control/dashboard/shown-status.ts";
import { shownService } from "./shown-services.ts";

function pass(table: string, verdict: string, mismatches = 0): ShownPass {
  return { table, verdict, level: "detailed", finishedAt: "", mismatches, lastCleanAt: null, lastPassAt: null };
}

const listed: Mismatch = { service: "billing", table: "public.a", kind: "missing", key: {}, detail: {}, foundAt: "" };

test("a list has no gaps where every table is equal, or has its rows in it", () => {
  expect(mismatchGaps([], [])).toEqual([]);
  const service = shownService({ reconciliations: [pass("public.a", "mismatch", 1), pass("public.b", "equal")] });
  expect(mismatchGaps([service], [listed])).toEqual([]);
});

test.each([
  [{ reconciliations: [pass("public.a", "too-divergent")] }, "public.a of billing: too divergent to be listed row by row: copy it again."],
  [{ reconciliations: [pass("public.a", "incomplete")] }, "public.a of billing was not compared as a whole: incomplete."],
  [{ reconciliations: [pass("public.a", "parked")] }, "public.a of billing was not compared as a whole: parked."],
  [{ reconciliations: [pass("public.a", "mismatch", 3)] }, "public.a of billing: 3 wrong, not listed here."],
  [{}, "billing was never compared."],
  [{ errors: [{ code: "CONTROL_UNREACHABLE", message: "m", cure: "" }] }, "billing: the control database cannot be asked what was compared since."],
])("%j is a gap", (changed, gap) => {
  expect(mismatchGaps([shownService(changed)], [])).toEqual([gap]);
});

test("rows of a table of the same name of another service are not its own", () => {
  const service = shownService({ service: "invoicing", reconciliations: [pass("public.a", "mismatch", 2)] });
  expect(mismatchGaps([service], [listed])).toEqual(["public.a of invoicing: 2 wrong, not listed here."]);
});
