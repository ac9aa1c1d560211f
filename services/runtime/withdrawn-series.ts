/**
 * Takes back what gauges say of a service. A process that no longer looks would go on saying what it saw last, beside the one that looks now: an alert that is over would page until the
 * process is started again.
 */
import type { Gauge } from "prom-client";

/** @param gauges with a label `service` */
export async function withdraw(gauges: readonly Gauge[], service: string): Promise<void> {
  for (const gauge of gauges) for (const { labels } of (await gauge.get()).values) if (labels["service"] === service) gauge.remove(labels);
}
