/**
 * `reconcile` and `repair` of a paused service. Its target does not come to where the source is, however long one waits, so each table would stall for a minute and say so of lag; and what
 * is equal up to the pause is not what was asked.
 *
 * Where the control database cannot be asked, nobody knows of a pause, and the comparison needs no such database: it goes on, and stalls where there is one.
 */
import type { ControlSession } from "../control/control-session.ts";
import { pausedText, readPauses } from "../control/pauses.ts";
import type { ConnectorConfiguration } from "../runtime/configuration.ts";
import { asOfftakeError, OfftakeError } from "../runtime/errors.ts";

/** @throws OfftakeError RECONCILE_PAUSED */
export async function refusePaused(control: ControlSession, { name, service }: ConnectorConfiguration): Promise<void> {
  const pause = await readPauses(control, [name]).then(
    (pauses) => pauses.get(name),
    (error: unknown) => {
      if (!asOfftakeError(error).code.startsWith("CONTROL_")) throw error;
      return undefined;
    },
  );
  if (pause === undefined) return;
  throw new OfftakeError(
    "RECONCILE_PAUSED",
    `${service} is ${pausedText(pause)}: what waits in its topic does not come to its target, so nothing can be compared.`,
    {
      cure: `Resume it, and run this again: offtake resume ${service}`,
    },
  );
}
