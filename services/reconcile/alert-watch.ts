/**
 * Looks every few seconds, beside the passes, whether an alert is to be raised or cleared: a pass that waits for a target must not keep anybody from hearing how far behind it is.
 */
import { ControlSession } from "../control/control-session.ts";
import { readPasses } from "../control/pass-history.ts";
import { Complaints } from "../runtime/complaints.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { conditionsOf } from "./alert-decision.ts";
import { alert } from "./alerting.ts";
import { LagProbe } from "./lag-probe.ts";
import type { ReconcilerContext, Scheduled } from "./reconciler.ts";

/** Milliseconds between two looks. */
const lookMs = 2000;

/** Until it is stopped. Never throws. @param schedule undefined while nobody has looked */
export async function watchAlerts(context: ReconcilerContext, schedule: () => readonly Scheduled[] | undefined, signal: AbortSignal): Promise<void> {
  const { configuration, connector, service, log, metrics, pauses } = context;
  const complaints = new Complaints(log, metrics);
  const control = new ControlSession(configuration.control.url, `offtake ${service.name} reconciler`);
  const probe = new LagProbe(configuration, connector, service);
  const since = Date.now();
  let pausedAt: number | undefined;
  // A monolith that is away does not say how far behind it the target is; of rows that are wrong the history tells all the same.
  const lagUnknown = (thrown: unknown): undefined => {
    if (!signal.aborted) complaints.say(asOfftakeError(thrown), "no alert of lag is raised or cleared for the moment");
  };
  while ((await waitOrStop(lookMs, signal)) === "elapsed") {
    try {
      const tables = schedule();
      if (tables === undefined) continue;
      const lagMs = tables.some(({ policy }) => policy.maxLagMs !== undefined) ? await probe.measure().catch(lagUnknown) : undefined;
      const passes = await readPasses(control, connector.name);
      const paused = (await pauses.pauseOf(connector.name, signal)) !== undefined;
      if (paused) pausedAt = Date.now();
      const conditions = tables.flatMap(({ table, policy }) =>
        conditionsOf({ table, policy, lagMs, paused, pausedAt, passes: passes.find((each) => each.table === table) }, since, Date.now()),
      );
      await alert(context, control, conditions);
    } catch (thrown) {
      if (!signal.aborted) complaints.say(asOfftakeError(thrown), "no alert is raised or cleared for the moment; passes go on");
    }
  }
  await Promise.all([probe.end(), control.end()]);
}
