/**
 * How far each service is, at one moment: from the product's metrics and from the databases themselves.
 */
import { slotHealth } from "../../connectors/postgres/slot-health.ts";
import { readSlot } from "../../connectors/postgres/slot.ts";
import type { Configuration } from "../../services/runtime/configuration.ts";
import type { DemoSessions } from "./demo-sessions.ts";
import type { Health } from "./health.ts";
import type { Probes } from "./probes.ts";

interface ServiceSample {
  readonly service: string;
  /** Applied since `run` was started, heartbeats included. */
  readonly events: number;
  /** From commit to commit, of the newest probe that has arrived; undefined before the first. */
  readonly lagMs: number | undefined;
  /** WAL between the monolith's head and what is applied; undefined before the first. */
  readonly lagBytes: number | undefined;
  /** One word of slotHealth. */
  readonly slot: string;
}

export interface ProgressSample {
  /** Milliseconds, of performance.now(). */
  readonly at: number;
  readonly services: readonly ServiceSample[];
}

export async function sampleProgress(configuration: Configuration, sessions: DemoSessions, health: Health, probes: Probes): Promise<ProgressSample> {
  const applied = await health.applied();
  const services: ServiceSample[] = [];
  for (const { service, slot } of configuration.connectors)
    services.push({
      service,
      events: applied.get(service) ?? 0,
      lagMs: probes.newest.get(service),
      lagBytes: await lagBytes(sessions, service),
      slot: slotHealth(await readSlot(sessions.source, slot), configuration.source.maxRetainedWalBytes).word,
    });
  return { at: performance.now(), services };
}

async function lagBytes({ source, targets }: DemoSessions, service: string): Promise<number | undefined> {
  const applied = await targets.get(service)?.query<{ lsn: string }>("SELECT commit_lsn::text AS lsn FROM offtake.applied_position");
  const lsn = applied?.rows[0]?.lsn;
  if (lsn === undefined) return undefined;
  const { rows } = await source.query<{ bytes: number }>("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::pg_lsn)::float8 AS bytes", [lsn]);
  return rows[0]?.bytes;
}
