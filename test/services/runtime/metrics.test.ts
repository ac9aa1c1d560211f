import { describe, expect, test } from "vitest";
import { createMetrics } from "../../../services/runtime/metrics.ts";

describe("metrics", () => {
  test("are these, with these labels: dashboards and alerts of others name them", async () => {
    const { registry } = createMetrics("1.2.3");
    const own = registry.getMetricsAsArray().filter(({ name }) => name.startsWith("offtake_"));
    const described = own.map(
      (metric) => `${metric.name}{${"labelNames" in metric && Array.isArray(metric.labelNames) ? metric.labelNames.join() : "?"}}`,
    );
    expect(described.toSorted()).toEqual([
      "offtake_apply_batch_seconds{service}",
      "offtake_apply_events_total{service}",
      "offtake_apply_lag_bytes{service}",
      "offtake_apply_lag_seconds{service}",
      "offtake_apply_paused{service}",
      "offtake_apply_transactions_total{service}",
      "offtake_build_info{version,node}",
      "offtake_capture_events_total{connector}",
      "offtake_capture_lag_seconds{connector}",
      "offtake_capture_position_bytes{connector}",
      "offtake_capture_transactions_total{connector}",
      "offtake_check_findings{level}",
      "offtake_conflicts_total{service,kind}",
      "offtake_dead_letters{service,table}",
      "offtake_end_to_end_seconds{service}",
      "offtake_errors_total{code}",
      "offtake_parked_keys{service,table}",
      "offtake_reconcile_alert_active{service,table,kind}",
      "offtake_reconcile_duration_seconds{service,table}",
      "offtake_reconcile_last_clean_timestamp_seconds{service,table}",
      "offtake_reconcile_mismatches{service,table,kind}",
      "offtake_reconcile_rows_total{service,table}",
      "offtake_reconcile_stream_mismatches_total{service,table,kind}",
      "offtake_reconcile_stream_rows_total{service,table}",
      "offtake_slot_active{connector}",
      "offtake_slot_budget_bytes{connector}",
      "offtake_slot_retained_bytes{connector}",
      "offtake_slot_safe_bytes{connector}",
      "offtake_snapshot_bytes_total{service,table}",
      "offtake_snapshot_progress_ratio{service,table}",
      "offtake_snapshot_remaining_seconds{service,table}",
      "offtake_snapshot_rows_total{service,table}",
      "offtake_topic_lag_events{service}",
      "offtake_unit_ready{unit}",
    ]);
    const text = await registry.metrics();
    expect(text).toContain(`offtake_build_info{version="1.2.3",node="${process.version}"} 1`);
    expect(text).toContain("process_cpu_seconds_total");
    expect(text).toContain("nodejs_eventloop_lag_seconds");
  });

  test("the name says the kind and the unit", async () => {
    const { registry } = createMetrics("1");
    for (const { name, type } of await registry.getMetricsAsJSON()) {
      if (!name.startsWith("offtake_")) continue;
      expect([name, name.endsWith("_total")]).toEqual([name, String(type) === "counter"]);
      expect(name).toMatch(/_(total|seconds|bytes|events|letters|keys|active|paused|ready|info|ratio|mismatches|findings)$/);
    }
  });

  test("latencies are told apart from a millisecond to a minute", async () => {
    const metrics = createMetrics("1");
    metrics.endToEndSeconds.observe({ service: "api" }, 0.0015);
    const text = await metrics.registry.metrics();
    expect(text).toContain('offtake_end_to_end_seconds_bucket{le="0.001",service="api"} 0');
    expect(text).toContain('offtake_end_to_end_seconds_bucket{le="0.002",service="api"} 1');
    expect(text).toContain('offtake_end_to_end_seconds_bucket{le="60",service="api"} 1');
  });

  test("two in one process do not mix", async () => {
    const [one, other] = [createMetrics("1"), createMetrics("1")];
    one.errorsTotal.inc({ code: "USAGE" });
    expect(await one.registry.metrics()).toContain('offtake_errors_total{code="USAGE"} 1');
    expect(await other.registry.metrics()).not.toContain('offtake_errors_total{code="USAGE"}');
  });
});
