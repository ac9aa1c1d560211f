import { expect, test } from "vitest";
import { dashboard } from "../../../infra/grafana/dashboard.ts";
import { metricNames, unknownMetrics } from "../prometheus/metric-names.ts";

const text = `${JSON.stringify(dashboard(), null, 2)}\n`;

test("offtake.json is what dashboard.ts makes", async () => {
  await expect(text).toMatchFileSnapshot("../../../infra/grafana/offtake.json");
});

test("every panel names metrics that there are, and every metric of lag, slots, rows and errors has a panel", () => {
  expect(unknownMetrics(text)).toEqual([]);
  const shown = metricNames().filter((name) => text.includes(name));
  for (const name of [
    "unit_ready",
    "apply_lag_seconds",
    "capture_lag_seconds",
    "slot_retained_bytes",
    "slot_safe_bytes",
    "reconcile_mismatches",
    "dead_letters",
    "errors_total",
  ])
    expect(shown).toContain(`offtake_${name}`);
});
