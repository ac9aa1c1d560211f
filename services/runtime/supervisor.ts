/**
 * Runs one unit of work, a connector or an applier, for as long as the process lives: starts it again when its error says so, waits where a person
 * has to act, and gives up only where neither helps. One unit's trouble is never another's.
 *
 * Pure apart from the waiting.
 */
import { Backoff } from "./backoff.ts";
import { asOfftakeError, type OfftakeError } from "./errors.ts";
import type { Readiness } from "./health-server.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { waitOrStop } from "./stop-signal.ts";

/** Milliseconds: the bounds of the backoff, and how often it is looked whether somebody has mended what needs a person. */
const firstWaitMs = 200;
const longestWaitMs = 10_000;
const operatorWaitMs = 30_000;

/** The same error again is said once in this many milliseconds. */
const repeatMs = 60_000;

/** Milliseconds of work after which an error is a new one. A unit that begins well and fails at once would otherwise be started again ten times a second. */
const steadyMs = 30_000;

export interface Unit {
  /** Such as `connector trading`. */
  readonly name: string;
  /** Runs until it is stopped; may end by itself to be started again. Calls `working` when it has begun to do its work. */
  readonly run: (working: () => void, signal: AbortSignal) => Promise<void>;
}

export interface Supervised {
  /** Ends when the unit was stopped (true) or has given up (false). */
  readonly ended: Promise<boolean>;
  readonly readiness: () => Readiness;
}

export function supervise(unit: Unit, context: { readonly log: Log; readonly metrics: Metrics }, signal: AbortSignal): Supervised {
  let ready = false;
  let reason = "starting";
  const { metrics } = context;
  const log = context.log.child({ unit: unit.name });
  const said = new Map<string, number>();
  const say = (error: OfftakeError): void => {
    metrics.errorsTotal.inc({ code: error.code });
    reason = error.line;
    const now = Date.now();
    if (now - (said.get(error.line) ?? Number.NEGATIVE_INFINITY) < repeatMs) return;
    said.set(error.line, now);
    if (error.retry === "yes") log.warn(error);
    else log.error(error);
  };
  const loop = async (): Promise<boolean> => {
    const backoff = new Backoff(firstWaitMs, longestWaitMs);
    while (!signal.aborted) {
      let workingSince: number | undefined;
      try {
        await unit.run(() => {
          ready = true;
          reason = "working";
          workingSince ??= Date.now();
        }, signal);
        ready = false;
        reason = "starting again";
      } catch (thrown) {
        ready = false;
        if (workingSince !== undefined && Date.now() - workingSince >= steadyMs) {
          backoff.reset();
          said.clear();
        }
        const error = asOfftakeError(thrown);
        say(error);
        if (error.retry === "no") return false;
        await waitOrStop(error.retry === "operator" ? operatorWaitMs : backoff.next(), signal);
      }
    }
    return true;
  };
  return { ended: loop(), readiness: () => ({ unit: unit.name, ready, reason }) };
}
