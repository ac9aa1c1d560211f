/** A job that was asked for just now, until it is over and what came of it is there. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Job } from "./api-answers.ts";
import { isOpen, progressText, resultLines } from "./job-texts.ts";
import { usePolled } from "./polled.ts";
import { TroubleNote } from "./trouble-note.tsx";

interface Watched {
  readonly id: string;
  readonly what: string;
  /** Told once, when it is over. */
  readonly onEnd?: (job: Job) => void;
}

/** Milliseconds between two looks: at one that runs, and at one that is over. */
const openMs = 1000;
const overMs = 3_600_000;

export function JobWatch({ id, what, onEnd }: Watched): JSX.Element {
  const ended = useSignal(false);
  const { answer, trouble } = usePolled<Job>(`jobs/${id}`, ended.value ? overMs : openMs);
  const job = answer.value;
  const isOver = job !== undefined && !isOpen(job);
  useEffect(() => {
    if (!isOver || ended.value) return;
    ended.value = true;
    onEnd?.(job);
  }, [isOver]);
  return (
    <div class="job-watch" role="status">
      <p>
        {what}: job {id}, <b>{job?.state ?? "waiting"}</b>
        {job === undefined || !isOpen(job) || progressText(job) === "" ? "" : `, ${progressText(job)}`}
      </p>
      {job !== undefined && (
        <ul>
          {resultLines(job).map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
      {job?.error !== null && job?.error !== undefined && <p class="note page">{job.error}</p>}
      {trouble.value !== undefined && <TroubleNote trouble={trouble.value} />}
    </div>
  );
}
