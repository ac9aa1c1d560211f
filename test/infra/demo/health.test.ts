import { expect, test } from "vitest";
import { sampleByService } from "../../../infra/demo/health.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";

test("reads a counter by service from what the product serves", async () => {
  const metrics = createMetrics("0");
  metrics.applyEventsTotal.inc({ service: "api-gateway" }, 12);
  metrics.applyEventsTotal.inc({ service: "trading-engine" }, 3_000_000);
  metrics.applyTransactionsTotal.inc({ service: "api-gateway" }, 5);
  const text = await metrics.registry.metrics();
  expect(sampleByService(text, "offtake_apply_events_total")).toEqual(
    new Map([
      ["api-gateway", 12],
      ["trading-engine", 3_000_000],
    ]),
  );
  expect(sampleByService(text, "offtake_apply_events")).toEqual(new Map());
});
