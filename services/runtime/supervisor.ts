/**
 * Runs one unit of work, a connector or an applier, for as long as the process lives: starts it again when its error says so, waits where a person
 * has to act, and gives up only where neither helps. One unit's trouble is never another's.
 *
 * Pure apart from the waiting.
 */
import { Backoff } from "./backoff.ts";
import { Complaints } from "./complaints.ts";
import { asOfftakeError } from "./errors.ts";
import type { Readiness } from "./health-server.ts";
import { Interruption } from "./interruption.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { waitOrStop } from "./stop-signal.ts";

/** Milliseconds: the bounds of the backoff, and how often it is looked whether somebody has mended what needs a person. */
const firstWaitMs = 200;
const longestWaitMs = 10_000;
export const operatorWaitMs = 30_000;

/** Milliseconds of work after which an error is a new one. A unit that begins well and fails at once would otherwise be started again ten times a second. */
const steadyMs = 30_000;

export interface Unit {
  /** Such as `connector trading`. */
  readonly name: string;
  /** Runs until it is stopped; may end by itself to be started again. */
  readonly run: (reports: UnitReports, signal: AbortSignal) => Promise<void>;
}

/** What a unit says of itself while it runs. */
export interface UnitReports {
  /** Told when it has begun to do its work, or to do something else that it is meant to: such as nothing, while it is paused. */
  readonly working: (what?: string) => void;
  /** Told of servers that do not answer while it waits for them. */
  readonly interruption: Interruption;
}

export interface Supervised {
  /** Ends when the unit was stopped (true) or has given up (false). */
  readonly ended: Promise<boolean>;
  readonly readiness: () => Readiness;
}

interface SupervisorContext {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Milliseconds until what waits for a person is tried again; operatorWaitMs where it is left out, as in every process. */
  readonly operatorWaitMs?: number;
}

export function supervise(unit: Unit, context: SupervisorContext, signal: AbortSignal): Supervised {
  let ready = false;
  let reason = "starting";
  const { metrics, operatorWaitMs: personMs = operatorWaitMs } = context;
  const log = context.log.child({ unit: unit.name });
  const complaints = new Complaints(log, metrics);
  let interruption = new Interruption(log, complaints);
  const loop = async (): Promise<boolean> => {
    const backoff = new Backoff(firstWaitMs, longestWaitMs);
    while (!signal.aborted) {
      let workingSince: number | undefined;
      interruption = new Interruption(log, complaints);
      const working = (what = "working"): void => {
        ready = true;
        reason = what;
        workingSince ??= Date.now();
      };
      try {
        await unit.run({ working, interruption }, signal);
        ready = false;
        reason = "starting again";
      } catch (thrown) {
        ready = false;
        if (workingSince !== undefined && Date.now() - workingSince >= steadyMs) {
          backoff.reset();
          complaints.forget();
        }
        const error = asOfftakeError(thrown);
        complaints.say(error);
        reason = error.line;
        // What it was waiting for when it ended is not what it waits for now.
        interruption = new Interruption(log, complaints);
        if (error.retry === "no") return false;
        await waitOrStop(error.retry === "operator" ? personMs : backoff.next(), signal);
      }
    }
    return true;
  };
  const readiness = (): Readiness => {
    const held = interruption.reason;
    return { unit: unit.name, ready: ready && held === undefined, reason: held ?? reason };
  };
  return { ended: loop(), readiness };
}
