/**
 * What the running product says of itself on its HTTP port: whether each unit works, and how many events it has applied.
 *
 * A product that cannot work does not end: it tries again, and says so. A demo that only waits would then wait for ever; so a unit that has not
 * worked for a while ends it, with the unit's own reason.
 */
import { z } from "zod";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";

/** Units may take so long to start, or to come back. */
const patienceMs = 20_000;

const readiness = z.object({ units: z.array(z.object({ unit: z.string(), ready: z.boolean(), reason: z.string().optional() })) });

export class Health {
  readonly #url: string;
  /** By unit, since when it has not been ready. */
  readonly #notReady = new Map<string, number>();

  /** @param url `http://host:port` */
  constructor(url: string) {
    this.#url = url;
  }

  /** Waits until every unit works. @throws OfftakeError DEMO_FAILED */
  async untilReady(signal: AbortSignal): Promise<void> {
    const limit = Date.now() + patienceMs;
    for (;;) {
      const troubles = await this.#troubles().catch(() => ["it does not answer"]);
      if (troubles.length === 0 || signal.aborted) return;
      if (Date.now() > limit) throw notWorking(troubles);
      await waitOrStop(25, signal);
    }
  }

  /** @throws OfftakeError DEMO_FAILED when a unit has not worked for too long */
  async check(): Promise<void> {
    const units = await this.#units();
    const now = Date.now();
    for (const { unit, ready } of units) {
      if (ready) this.#notReady.delete(unit);
      else if (!this.#notReady.has(unit)) this.#notReady.set(unit, now);
    }
    const over = units.filter(({ unit }) => now - (this.#notReady.get(unit) ?? now) > patienceMs);
    if (over.length > 0) throw notWorking(over.map(({ unit, reason }) => `${unit}: ${reason}`));
  }

  /** Events that are applied, by service. */
  async applied(): Promise<ReadonlyMap<string, number>> {
    return sampleByService(await (await this.#get("/metrics")).text(), "offtake_apply_events_total");
  }

  async #troubles(): Promise<string[]> {
    return (await this.#units()).filter(({ ready }) => !ready).map(({ unit, reason }) => `${unit}: ${reason}`);
  }

  async #units(): Promise<z.infer<typeof readiness>["units"]> {
    return readiness.parse(await (await this.#get("/readyz")).json()).units;
  }

  async #get(path: string): Promise<Response> {
    return fetch(`${this.#url}${path}`, { signal: AbortSignal.timeout(10_000) });
  }
}

/** Values of a metric by its label `service`. Source: Prometheus documentation, "Text-based format". */
export function sampleByService(text: string, metric: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (!line.startsWith(`${metric}{`)) continue;
    const [, service, value] = /[{,]service="([^"]*)"[^}]*\} (\S+)/.exec(line) ?? [];
    if (service !== undefined) samples.set(service, Number(value));
  }
  return samples;
}

function notWorking(troubles: readonly string[]): OfftakeError {
  return new OfftakeError("DEMO_FAILED", `\`offtake run all\` does not work: ${troubles.join("; ")}`);
}
