/**
 * `offtake run reconciler`: compares the tables of one service by their schedule, for as long as the process lives. One process does; others that are started for the same service wait
 * as its standby, or two would compare the same rows at the monolith's cost.
 */
import { hash } from "node:crypto";
import { serviceTables } from "../../connectors/postgres/service-tables.ts";
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import { holdsActingLock } from "../control/acting-lock.ts";
import { ControlSession } from "../control/control-session.ts";
import { readPasses, recordPass, type TablePasses } from "../control/pass-history.ts";
import type { PauseWatch } from "../control/pause-watch.ts";
import { pausedText } from "../control/pauses.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../runtime/configuration.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import type { Log } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { type ReconcilePolicy, reconcilePolicy } from "../runtime/table-mapping.ts";
import { fullName } from "../runtime/table-pattern.ts";
import { traced } from "../runtime/traces.ts";
import { withdraw } from "../runtime/withdrawn-series.ts";
import { BetweenPasses } from "./between-passes.ts";
import { ServicePasses } from "./reconcile-service.ts";
import type { Report } from "./report.ts";
import { dueIn, firstDue } from "./schedule.ts";

export interface ReconcilerContext {
  readonly configuration: Configuration;
  readonly connector: ConnectorConfiguration;
  readonly service: ServiceConfiguration;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Of the process: a paused service is not compared, since nothing that waits in its topic comes to its target. */
  readonly pauses: PauseWatch;
  /** Told when it has begun to do its work, and what keeps it from that without being a fault. */
  readonly reconciling: (what?: string) => void;
}

/** Milliseconds between two looks at what is due, at most: tables come and go. Of a standby, between two at the lock. */
const lookMs = 10_000;
const standbyMs = 1000;

export interface Scheduled {
  /** schema.table of the source. */
  readonly table: string;
  readonly policy: ReconcilePolicy;
}

/** Until it is stopped. @throws OfftakeError of source, target and control database: whoever supervises it begins again */
export async function runReconciler(context: ReconcilerContext, signal: AbortSignal): Promise<void> {
  const { configuration, connector, log, metrics, pauses, service, reconciling } = context;
  const control = new ControlSession(configuration.control.url, `offtake ${service.name} reconciler`);
  let between: BetweenPasses | undefined;
  let saidPaused = false;
  try {
    while (!signal.aborted) {
      const isMine = await holdsActingLock(control, "offtake reconciler", connector.name);
      const pause = await pauses.pauseOf(connector.name, signal);
      reconciling(pause === undefined ? undefined : pausedText(pause));
      if (!isMine) {
        await between?.stop();
        between = undefined;
        const { reconcileAlert, reconcileMismatches, reconcileLastCleanTimestampSeconds } = metrics;
        await withdraw([reconcileAlert, reconcileMismatches, reconcileLastCleanTimestampSeconds], service.name);
        await waitOrStop(standbyMs, signal);
        continue;
      }
      between ??= new BetweenPasses(context);
      if (pause !== undefined && !saidPaused) log.info({ ...pause }, "paused: its tables are not compared until it is resumed");
      saidPaused = pause !== undefined;
      const passes = await readPasses(control, connector.name);
      for (const pass of passes) showClean(metrics, service.name, pass);
      between.schedule = await scheduled(context);
      if (pause !== undefined) {
        await pauses.until(connector.name, "resumed", AbortSignal.any([signal, AbortSignal.timeout(lookMs)]));
        continue;
      }
      const next = firstDue(between.schedule.map((item) => ({ item, inMs: dueOf(item, passes) })));
      const turn = async (over: AbortSignal): Promise<void> => {
        if (next !== undefined && next.inMs === 0) await compare(context, control, next.item, over);
        else await waitOrStop(Math.min(next?.inMs ?? lookMs, lookMs), over);
      };
      await pauses.untilPaused(connector.name, turn, signal);
    }
  } catch (error) {
    // A stop in the middle of a pass is no failure.
    if (!signal.aborted || asOfftakeError(error).code !== "INTERRUPTED") throw error;
  } finally {
    await between?.stop();
    await control.end();
  }
}

function dueOf({ table, policy }: Scheduled, passes: readonly TablePasses[]): number {
  const pass = passes.find((each) => each.table === table);
  const chance = hash("sha256", table, "buffer").readUInt32LE(0) / 2 ** 32;
  const lastPassAt = pass?.lastPassAt ?? undefined;
  return dueIn(policy.everyMs, lastPassAt === undefined ? undefined : Date.parse(lastPassAt), chance, Date.now());
}

async function compare(
  { configuration, connector, service, log, metrics }: ReconcilerContext,
  control: ControlSession,
  { table, policy: { level } }: Scheduled,
  signal: AbortSignal,
): Promise<void> {
  const passes = await ServicePasses.open({ configuration, connector, service, tables: [table], level, signal });
  try {
    for (const name of passes.tables) {
      const report = await passes.report(name);
      await recordPass(control, connector.name, report);
      show(metrics, report);
      const { verdict, compared, missing, extra, differing, undecided, reason } = report;
      const counts = { missing: missing.length, extra: extra.length, differing: differing.length, undecided: undecided.length };
      const line = { table, verdict, compared, ...counts, ...(reason === null ? {} : { reason }) };
      if (verdict === "equal") log.info(line, "compared");
      else log.warn(line, "compared, and not found equal");
    }
  } finally {
    await passes.end();
  }
}

function show(metrics: Metrics, report: Report): void {
  const { service, table, level, verdict, startedAt, finishedAt, compared, missing, extra, differing } = report;
  const labels = { service, table };
  metrics.reconcileRowsTotal.inc(labels, compared);
  metrics.reconcileDurationSeconds.observe(labels, (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000);
  const span = { name: "offtake pass", startedAt: Date.parse(startedAt), endedAt: Date.parse(finishedAt) };
  traced({ ...span, attributes: { ...labels, level, verdict, compared } });
  for (const [kind, found] of Object.entries({ missing, extra, differing })) metrics.reconcileMismatches.set({ ...labels, kind }, found.length);
  if (verdict === "equal" && level !== "basic") metrics.reconcileLastCleanTimestampSeconds.set(labels, Date.parse(finishedAt) / 1000);
}

/** What earlier processes have found. */
function showClean(metrics: Metrics, service: string, { table, lastCleanAt }: TablePasses): void {
  if (lastCleanAt !== null) metrics.reconcileLastCleanTimestampSeconds.set({ service, table }, Date.parse(lastCleanAt) / 1000);
}

/** Tables as the monolith has them now. */
async function scheduled({ configuration, service }: ReconcilerContext): Promise<Scheduled[]> {
  const { url } = configuration.source;
  const source = await openSession(url, { side: "source", applicationName: `offtake ${service.name} reconciler`, statementTimeoutMs: 30_000 });
  try {
    const tables = (await serviceTables(source, configuration.services)).get(service.name) ?? [];
    return tables.flatMap((name) => {
      const policy = reconcilePolicy(service, name);
      return policy === undefined ? [] : [{ table: fullName(name), policy }];
    });
  } catch (error) {
    throw sessionError(error, "source", url);
  } finally {
    await endSession(source);
  }
}
