/**
 * The Grafana dashboard, in the order in which somebody who was woken asks: is anything wrong, how far behind is what, will the monolith's disk fill, are the rows right.
 * A panel that names a metric which the code does not have stays empty for ever, and looks like peace: so a test holds each name against services/runtime/metrics.ts, and
 * the committed offtake.json against this file (`npx vitest run test/infra/grafana --update` writes it).
 *
 * Source: Grafana documentation, "JSON model".
 */

/** A unit of Grafana's. */
type Unit = "s" | "bytes" | "short" | "percentunit" | "ops" | "dateTimeFromNow";

interface Panel {
  readonly title: string;
  readonly says: string;
  readonly unit: Unit;
  /** Expressions with what stands in the legend. */
  readonly series: Readonly<Record<string, string>>;
  /** One number for each series instead of a curve. */
  readonly now?: boolean;
}

const rows: Readonly<Record<string, readonly Panel[]>> = {
  "Is anything wrong": [
    {
      title: "Not working",
      says: "Units that do not do their work: /readyz has the reason.",
      unit: "short",
      now: true,
      series: { "{{unit}}": "offtake_unit_ready == 0" },
    },
    {
      title: "Paused",
      says: "Services to which nothing is applied, since somebody said so.",
      unit: "short",
      now: true,
      series: { "{{service}}": "offtake_apply_paused == 1" },
    },
    {
      title: "Errors",
      says: "By code, those that were mended by trying again included.",
      unit: "ops",
      series: { "{{code}}": "sum by (code) (rate(offtake_errors_total[$__rate_interval]))" },
    },
  ],
  "How far behind": [
    {
      title: "Lag of services",
      says: "From commit at the source to commit at the target.",
      unit: "s",
      series: { "{{service}}": 'offtake_apply_lag_seconds{service=~"$service"}' },
    },
    {
      title: "Lag of connectors",
      says: "From commit at the source to durable in Kafka.",
      unit: "s",
      series: { "{{connector}}": "offtake_capture_lag_seconds" },
    },
    {
      title: "Waiting in topics",
      says: "Records that are not applied yet.",
      unit: "short",
      series: { "{{service}}": 'offtake_topic_lag_events{service=~"$service"}' },
    },
    {
      title: "Heartbeats, p99",
      says: "From a heartbeat's commit at the source to its commit at the target.",
      unit: "s",
      series: {
        "{{service}}":
          'histogram_quantile(0.99, sum by (service, le) (rate(offtake_end_to_end_seconds_bucket{service=~"$service"}[$__rate_interval])))',
      },
    },
    {
      title: "Applied",
      says: "Change events a second that are committed at targets.",
      unit: "ops",
      series: { "{{service}}": 'rate(offtake_apply_events_total{service=~"$service"}[$__rate_interval])' },
    },
    {
      title: "Captured",
      says: "Change events a second that are durable in Kafka.",
      unit: "ops",
      series: { "{{connector}}": "rate(offtake_capture_events_total[$__rate_interval])" },
    },
    {
      title: "Target transactions, p99",
      says: "From begin to commit; a target that gets slower shows here first.",
      unit: "s",
      series: {
        "{{service}}":
          'histogram_quantile(0.99, sum by (service, le) (rate(offtake_apply_batch_seconds_bucket{service=~"$service"}[$__rate_interval])))',
      },
    },
    {
      title: "WAL between topic and target",
      says: "Bytes of the monolith's WAL.",
      unit: "bytes",
      series: { "{{service}}": 'offtake_apply_lag_bytes{service=~"$service"}' },
    },
  ],
  "Will the monolith's disk fill": [
    {
      title: "WAL that slots keep",
      says: "Against source.maxRetainedWal.",
      unit: "percentunit",
      series: { "{{connector}}": "offtake_slot_retained_bytes / offtake_slot_budget_bytes" },
    },
    {
      title: "WAL until a slot is lost",
      says: "Nothing where max_slot_wal_keep_size is not set.",
      unit: "bytes",
      series: { "{{connector}}": "offtake_slot_safe_bytes" },
    },
    { title: "Read", says: "1 while somebody reads the slot.", unit: "short", series: { "{{connector}}": "offtake_slot_active" } },
  ],
  "Are the rows right": [
    {
      title: "Mismatches",
      says: "Rows that the newest pass has found wrong; lag is none.",
      unit: "short",
      now: true,
      series: { "{{service}} {{table}} {{kind}}": 'offtake_reconcile_mismatches{service=~"$service"} > 0' },
    },
    {
      title: "Last found equal",
      says: "By table.",
      unit: "dateTimeFromNow",
      now: true,
      series: { "{{service}} {{table}}": '1000 * offtake_reconcile_last_clean_timestamp_seconds{service=~"$service"}' },
    },
    {
      title: "Dead letters",
      says: "Events that are put aside.",
      unit: "short",
      series: { "{{service}} {{table}}": 'offtake_dead_letters{service=~"$service"}' },
    },
    {
      title: "Conflicts",
      says: "Target rows that were not what the stream took them to be.",
      unit: "ops",
      series: { "{{service}} {{kind}}": 'rate(offtake_conflicts_total{service=~"$service"}[$__rate_interval])' },
    },
    {
      title: "Rows compared",
      says: "By passes of the reconciler, a second.",
      unit: "ops",
      series: { "{{service}} {{table}}": 'rate(offtake_reconcile_rows_total{service=~"$service"}[$__rate_interval])' },
    },
    {
      title: "Copies",
      says: "How much of a copy under way is done.",
      unit: "percentunit",
      series: { "{{service}} {{table}}": 'offtake_snapshot_progress_ratio{service=~"$service"} < 1' },
    },
  ],
};

/** Panels in a row of the screen, of Grafana's 24 columns. */
const width = 8;
const height = 7;

/** As Grafana takes it. */
export function dashboard(): object {
  const panels: object[] = [];
  let y = 0;
  for (const [title, ofRow] of Object.entries(rows)) {
    panels.push({ id: panels.length + 1, type: "row", title, collapsed: false, gridPos: { x: 0, y, w: 24, h: 1 }, panels: [] });
    y += 1;
    for (const [i, panel] of ofRow.entries()) {
      const place = { x: (i % 3) * width, y: y + Math.floor(i / 3) * height, w: width, h: height };
      panels.push({ id: panels.length + 1, gridPos: place, ...panelOf(panel) });
    }
    y += Math.ceil(ofRow.length / 3) * height;
  }
  return {
    uid: "offtake",
    title: "Offtake",
    tags: ["offtake"],
    timezone: "browser",
    schemaVersion: 39,
    refresh: "10s",
    time: { from: "now-1h", to: "now" },
    templating: {
      list: [
        {
          name: "service",
          label: "Service",
          type: "query",
          datasource,
          query: { query: "label_values(offtake_topic_lag_events, service)", refId: "service" },
          refresh: 2,
          includeAll: true,
          multi: true,
          current: { text: "All", value: "$__all" },
        },
      ],
    },
    panels,
  };
}

const datasource = { type: "prometheus", uid: "prometheus" };

function panelOf({ title, says, unit, series, now = false }: Panel): object {
  return {
    title,
    description: says,
    type: now ? "stat" : "timeseries",
    datasource,
    fieldConfig: { defaults: { unit, min: 0, noValue: now ? "none" : undefined }, overrides: [] },
    options: now
      ? { reduceOptions: { calcs: ["lastNotNull"] }, textMode: "value_and_name" }
      : { legend: { displayMode: "list", placement: "bottom" } },
    targets: Object.entries(series).map(([legendFormat, expr], i) => ({ refId: String.fromCharCode(65 + i), expr, legendFormat, instant: now })),
  };
}
