/** Jobs: how far, how fast, for how long yet, and calling them off. */
import type { JSX } from "preact";
import { cancelAction } from "./action.ts";
import { ActionButton } from "./action-button.tsx";
import type { Job } from "./api-answers.ts";
import { askedText, isOpen, jobRate, progressText, resultLines, shareDone, timeLeft } from "./job-texts.ts";
import { Moment } from "./moment.tsx";
import { usePage } from "./page.ts";

interface Listed {
  /** Newest first; undefined while they are not known. */
  readonly jobs: readonly Job[] | undefined;
  readonly onDone: () => void;
}

export function JobTable({ jobs, onDone }: Listed): JSX.Element {
  if (jobs === undefined) return <p>Waiting for the jobs.</p>;
  if (jobs.length === 0) return <p>Nobody has asked for a job.</p>;
  // What runs is above what is over.
  const ordered = [...jobs.filter(isOpen), ...jobs.filter((job) => !isOpen(job))];
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">Of</th>
          <th scope="col">State</th>
          <th scope="col">Progress</th>
          <th scope="col">Rate</th>
          <th scope="col">Time left</th>
          <th scope="col">Asked for by</th>
        </tr>
      </thead>
      <tbody>
        {ordered.map((job) => (
          <Row key={job.id} job={job} onDone={onDone} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ job, onDone }: { readonly job: Job; readonly onDone: () => void }): JSX.Element {
  const { board, holder } = usePage();
  const share = shareDone(job);
  return (
    <tr>
      <th scope="row">
        {job.id} {job.kind}
      </th>
      <td>
        {job.service}: {askedText(job)}
      </td>
      <td>
        <b class={job.state === "failed" ? "bad" : ""}>{job.state}</b>
        {isOpen(job) && <ActionButton action={cancelAction(holder.value, job, location.origin)} onDone={onDone} />}
      </td>
      <td>
        {job.state === "running" && share !== undefined && <progress value={share} aria-label={`Progress of job ${job.id}`} />} {progressText(job)}
        {job.error !== null && <p class="bad">{job.error}</p>}
        {resultLines(job).map((line) => (
          <p key={line}>{line}</p>
        ))}
      </td>
      <td class="number">{isOpen(job) || job.rows !== null ? jobRate(job, board.at.value) : ""}</td>
      <td class="number">{timeLeft(job)}</td>
      <td>
        {job.requestedBy}, <Moment iso={job.requestedAt} />
      </td>
    </tr>
  );
}
