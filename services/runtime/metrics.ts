/**
 * Every metric of this version: name, labels, help.
 *
 * Alerts, dashboards and other people's queries name them, so a name that changes here is a pager that stays silent there. Base units only;
 * labels are connector, service, table and the few that stand below, never a key or a value: each new value is a new time series.
 *
 * A process creates its metrics once and hands them around; there is no global registry, so two of them in one process cannot mix theirs up.
 *
 * Source: Prometheus documentation, "Metric and label naming".
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** From 1 ms, a fast commit, to a minute, where somebody is called. */
const secondsBuckets = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * The metrics of one process, together with Node's own of it (CPU, memory, event loop, garbage collection).
 *
 * @param version of Offtake
 */
export function createMetrics(version: string) {
  const registry = new Registry();
  const registers = [registry];
  const gauge = <L extends string>(name: string, labelNames: L[], help: string) => new Gauge({ name, labelNames, help, registers });
  const counter = <L extends string>(name: string, labelNames: L[], help: string) => new Counter({ name, labelNames, help, registers });
  const seconds = <L extends string>(name: string, labelNames: L[], help: string) =>
    new Histogram({ name, labelNames, help, registers, buckets: secondsBuckets });

  collectDefaultMetrics({ register: registry });
  gauge("offtake_build_info", ["version", "node"], "Always 1: which version runs, on which Node.").set({ version, node: process.version }, 1);
  return {
    /** What /metrics serves. */
    registry,

    unitReady: gauge("offtake_unit_ready", ["unit"], "1 while a connector, an applier or a reconciler does its work, else 0: as /readyz says."),

    slotBudgetBytes: gauge("offtake_slot_budget_bytes", ["connector"], "WAL that the slot may hold back: source.maxRetainedWal."),
    slotRetainedBytes: gauge("offtake_slot_retained_bytes", ["connector"], "WAL that the source keeps for the slot."),
    slotSafeBytes: gauge("offtake_slot_safe_bytes", ["connector"], "WAL that can still be written before the slot may be lost."),
    slotActive: gauge("offtake_slot_active", ["connector"], "1 while something reads from the slot, else 0."),

    capturePositionBytes: gauge("offtake_capture_position_bytes", ["connector"], "Commit LSN of the newest transaction that is durable in Kafka."),
    captureLagSeconds: gauge(
      "offtake_capture_lag_seconds",
      ["connector"],
      "From commit at the source to durable in Kafka, of the newest transaction.",
    ),
    captureEventsTotal: counter("offtake_capture_events_total", ["connector"], "Change events that are durable in Kafka."),
    captureTransactionsTotal: counter("offtake_capture_transactions_total", ["connector"], "Source transactions that are durable in Kafka."),

    topicLagEvents: gauge("offtake_topic_lag_events", ["service"], "Records of the service's topic that are not applied yet."),

    applyPaused: gauge("offtake_apply_paused", ["service"], "1 while somebody has paused the service: its lag grows, and nothing is broken."),
    applyLagBytes: gauge("offtake_apply_lag_bytes", ["service"], "WAL between the newest commit in the service's topic and the applied position."),
    applyLagSeconds: gauge("offtake_apply_lag_seconds", ["service"], "From commit at the source to commit at the target, of the newest transaction."),
    applyEventsTotal: counter("offtake_apply_events_total", ["service"], "Change events whose effect is committed at the target."),
    applyTransactionsTotal: counter("offtake_apply_transactions_total", ["service"], "Source transactions that are committed at the target."),
    applyBatchSeconds: seconds("offtake_apply_batch_seconds", ["service"], "One target transaction, from its begin to its commit."),

    endToEndSeconds: seconds("offtake_end_to_end_seconds", ["service"], "From a heartbeat's commit at the source to its commit at the target."),

    conflictsTotal: counter(
      "offtake_conflicts_total",
      ["service", "kind"],
      "Target rows that were not what the stream took them to be; the source won.",
    ),

    deadLetters: gauge("offtake_dead_letters", ["service", "table"], "Events that are put aside at the target: refused, or behind one that was."),
    parkedKeys: gauge("offtake_parked_keys", ["service", "table"], "Keys whose events are put aside until they are replayed or skipped."),

    reconcileRowsTotal: counter("offtake_reconcile_rows_total", ["service", "table"], "Rows that passes of the reconciler have compared."),
    reconcileMismatches: gauge(
      "offtake_reconcile_mismatches",
      ["service", "table", "kind"],
      "Rows that the newest pass has found wrong at the target.",
    ),
    reconcileAlert: gauge(
      "offtake_reconcile_alert_active",
      ["service", "table", "kind"],
      "1 while there is an alert: too many rows wrong (mismatch), not found equal for too long (overdue), too far behind (lag).",
    ),
    reconcileStreamRowsTotal: counter(
      "offtake_reconcile_stream_rows_total",
      ["service", "table"],
      "Rows that were looked at between passes because they had changed.",
    ),
    reconcileStreamMismatchesTotal: counter(
      "offtake_reconcile_stream_mismatches_total",
      ["service", "table", "kind"],
      "Rows that were found wrong between passes because they had changed.",
    ),
    reconcileLastCleanTimestampSeconds: gauge(
      "offtake_reconcile_last_clean_timestamp_seconds",
      ["service", "table"],
      "When the newest pass was over that has found the table equal, in seconds since 1970.",
    ),
    reconcileDurationSeconds: seconds("offtake_reconcile_duration_seconds", ["service", "table"], "One pass over one table."),

    snapshotRowsTotal: counter("offtake_snapshot_rows_total", ["service", "table"], "Rows of copies that are in the topic."),
    snapshotBytesTotal: counter("offtake_snapshot_bytes_total", ["service", "table"], "Bytes of these rows, as the source printed them."),
    snapshotProgressRatio: gauge(
      "offtake_snapshot_progress_ratio",
      ["service", "table"],
      "How much of the copy under way is done, from 0 to 1, by the source's statistics; 1 once it has ended.",
    ),
    snapshotRemainingSeconds: gauge(
      "offtake_snapshot_remaining_seconds",
      ["service", "table"],
      "How long the copy under way will still take, at its rate so far; 0 once it has ended.",
    ),

    checkFindings: gauge("offtake_check_findings", ["level"], "What the newest look at everything that `offtake check` looks at has found."),

    errorsTotal: counter("offtake_errors_total", ["code"], "Errors by code, those that trying again has mended included."),
  };
}
