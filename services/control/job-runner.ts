/**
 * Runs jobs of the control database, in the one process that acts: some at a time, of each service one. A job that is called off ends soon; one whose process ends is put
 * back, and one whose process was killed is found by the next (jobs.ts). Work that does not end when its
 * signal says so is not waited for.
 */
import type { Complaints } from "../runtime/complaints.ts";
import { asOfftakeError, OfftakeError } from "../runtime/errors.ts";
import type { Log } from "../runtime/log.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { traced } from "../runtime/traces.ts";
import type { ControlSession } from "./control-session.ts";
import { endJob, type Job, putBackJob, restartJobs, takeJob, tellProgress } from "./jobs.ts";

/** Milliseconds between two looks at what is to be done, and at what is not wanted any more. */
const lookMs = 1000;

/** Jobs at a time, and how often one may have been cut off. */
const mostAtOnce = 2;
const mostAttempts = 3;

/** Milliseconds that a job has to end when its process does. */
const graceMs = 4000;

interface JobEnd {
  readonly state: "done" | "failed";
  readonly result: unknown;
  readonly error: string | null;
}

export interface JobWork {
  readonly job: Job;
  /** Told how far it is, in a sentence. */
  readonly progress: (line: string) => void;
  /** Aborted when it is called off, or the process ends. */
  readonly signal: AbortSignal;
}

export interface JobRunnerOptions {
  readonly control: ControlSession;
  readonly connectors: readonly string[];
  /** Does the job. @returns its result, which becomes JSON */
  readonly work: (work: JobWork) => Promise<unknown>;
  readonly log: Log;
  readonly complaints: Complaints;
}

/** Until it is stopped, and what was running is put back. @throws OfftakeError of the control database, before anything has begun */
export async function runJobs(options: JobRunnerOptions, signal: AbortSignal): Promise<void> {
  const { control, connectors, complaints } = options;
  const cutOff = new OfftakeError("JOB_CUT_OFF", `The process that ran it has ended ${mostAttempts} times before it was done.`);
  await restartJobs(control, connectors, mostAttempts, cutOff.line);
  const running = new Map<string, Promise<void>>();
  while (!signal.aborted) {
    try {
      const job = running.size >= mostAtOnce ? undefined : await takeJob(control, connectors, [...running.keys()]);
      if (job !== undefined) {
        const ended = runJob(options, job, signal).finally(() => running.delete(job.connector));
        running.set(job.connector, ended);
        continue;
      }
    } catch (error) {
      complaints.say(asOfftakeError(error), "jobs wait for the control database");
    }
    await waitOrStop(lookMs, signal);
  }
  await Promise.all(running.values());
}

/** Never throws. */
async function runJob(options: JobRunnerOptions, job: Job, stop: AbortSignal): Promise<void> {
  const { control, work, log, complaints } = options;
  const startedAt = Date.now();
  const over = new AbortController();
  const cancelled = new AbortController();
  const line: { newest: string | null } = { newest: null };
  const told = tellWhileRunning(options, job, line, cancelled, over.signal);
  log.info({ job: `j${job.id}`, kind: job.kind, service: job.service, attempt: job.attempts }, "a job begins");
  const signal = AbortSignal.any([stop, cancelled.signal]);
  const done = work({ job, progress: (text) => (line.newest = text), signal }).then(
    (result): JobEnd => ({ state: "done", result, error: null }),
    (error: unknown): JobEnd => ({ state: "failed", result: null, error: asOfftakeError(error).line }),
  );
  const end = await Promise.race([done, lateAfter(stop, over.signal)]);
  // What it answers to its signal is not what was asked for: a pass that was stopped has compared half of its rows.
  const state = cancelled.signal.aborted ? "cancelled" : stop.aborted ? "put back" : end.state;
  over.abort();
  await told;
  const attributes = { job: `j${job.id}`, kind: job.kind, service: job.service, state };
  traced({ name: "offtake job", startedAt, attributes, error: end.error ?? undefined });
  log.info({ job: `j${job.id}`, state, ...(end.error === null ? {} : { reason: end.error }) }, "a job has ended");
  for (;;) {
    try {
      if (state === "put back") await putBackJob(control, job);
      else await endJob(control, job, state === "cancelled" ? { state, result: null, error: null } : { ...end, state });
      return;
    } catch (error) {
      complaints.say(asOfftakeError(error), "the end of a job is not written down yet");
      if ((await waitOrStop(lookMs, stop)) === "stopped") return;
    }
  }
}

/** A statement that waits for a lock hears no signal: the process ends without it. */
async function lateAfter(stop: AbortSignal, over: AbortSignal): Promise<JobEnd> {
  const either = AbortSignal.any([stop, over]);
  if (!either.aborted) await new Promise<void>((resolve) => either.addEventListener("abort", () => resolve(), { once: true }));
  await waitOrStop(graceMs, over);
  return { state: "failed", result: null, error: "" };
}

async function tellWhileRunning(
  { control, complaints }: JobRunnerOptions,
  job: Job,
  line: { readonly newest: string | null },
  cancelled: AbortController,
  over: AbortSignal,
): Promise<void> {
  while ((await waitOrStop(lookMs, over)) === "elapsed") {
    try {
      if (!(await tellProgress(control, job, line.newest))) cancelled.abort();
    } catch (error) {
      complaints.say(asOfftakeError(error), "how far a job is is not written down");
    }
  }
}
