/**
 * A task in the background of a long-lived process: again and again, for as long as the process lives. One that fails is tried again soon, by itself, and touches none of the
 * others: a task that ended with its first error would be missing for weeks before somebody asks for what it does.
 */
import { Backoff } from "../runtime/backoff.ts";
import type { Complaints } from "../runtime/complaints.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";

/** Milliseconds: bounds of the wait after a failure. */
const firstWaitMs = 1000;
const longestWaitMs = 60_000;

export interface Task {
  /** What it is, for the log. */
  readonly name: string;
  /** From the end of one run to the beginning of the next. */
  readonly everyMs: number;
  /** Before the first run; 0 where it is left out. */
  readonly firstAfterMs?: number;
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** Until it is stopped. Never throws. @param random in [0, 1) */
export async function periodically(
  { name, everyMs, firstAfterMs = 0, run }: Task,
  complaints: Complaints,
  signal: AbortSignal,
  random = Math.random,
): Promise<void> {
  const backoff = new Backoff(firstWaitMs, longestWaitMs, random);
  if (firstAfterMs > 0) await waitOrStop(firstAfterMs, signal);
  while (!signal.aborted) {
    let waitMs = everyMs;
    try {
      await run(signal);
      backoff.reset();
    } catch (error) {
      if (signal.aborted) return;
      complaints.say(asOfftakeError(error), `${name} failed, and is tried again`);
      waitMs = Math.min(everyMs, backoff.next());
    }
    await waitOrStop(waitMs, signal);
  }
}
