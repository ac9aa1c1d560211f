import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { unknownMetrics } from "./metric-names.ts";

const fileOf = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

const rule = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({ severity: z.enum(["page", "ticket"]) }),
  annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook_url: z.string() }),
});
const { groups } = z.object({ groups: z.array(z.object({ rules: z.array(rule) })) }).parse(parse(fileOf("infra/prometheus/offtake.rules.yml")));
const rules = groups.flatMap((group) => group.rules);

test("every rule names metrics that there are", () => {
  expect(rules.flatMap(({ expr }) => unknownMetrics(expr))).toEqual([]);
  // Would one that is not there be found?
  expect(unknownMetrics("offtake_apply_lag_second > 1")).toEqual(["offtake_apply_lag_second"]);
});

test("every alert has its entry in the runbook, with what it means, what to look at and what to do, and the runbook has no other", () => {
  const entries = fileOf("docs/runbook.md")
    .split(/^## (?=Offtake)/m)
    .slice(1);
  expect(entries.map((entry) => entry.split("\n")[0])).toEqual(rules.map(({ alert }) => alert));
  for (const entry of entries) for (const part of ["**Means.**", "**Look at.**", "**Do.**"]) expect(entry).toContain(part);
  expect(rules.map(({ annotations }) => annotations.runbook_url)).toEqual(rules.map(({ alert }) => `docs/runbook.md#${alert.toLowerCase()}`));
});

test("every alert is raised by a test of promtool", () => {
  const tests = fileOf("infra/prometheus/offtake.rules.test.yml");
  for (const { alert } of rules) expect(tests).toMatch(new RegExp(`alertname="${alert}"|alertname: ${alert}\\n +exp_alerts`));
});
