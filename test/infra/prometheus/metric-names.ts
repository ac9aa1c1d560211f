/** The metrics that there are, for those who hold rules and panels against them. */
import { createMetrics } from "../../../services/runtime/metrics.ts";

export function metricNames(): string[] {
  return createMetrics("1.2.3")
    .registry.getMetricsAsArray()
    .map(({ name }) => name);
}

/** Names in a text that are no metric, nor a series of a histogram. */
export function unknownMetrics(text: string): string[] {
  const known = new Set(metricNames().flatMap((name) => [name, `${name}_bucket`, `${name}_count`, `${name}_sum`]));
  return [...new Set(text.match(/\bofftake_[a-z_]+/g))].filter((name) => !known.has(name));
}
