/** What runs, and how long yet. */
import type { JSX } from "preact";
import type { Job } from "./api-answers.ts";
import { JobTable } from "./job-table.tsx";
import { queryOf } from "./query-of.ts";
import { usePolled } from "./polled.ts";
import { ServiceFilter } from "./service-filter.tsx";
import { TroubleNote } from "./trouble-note.tsx";

/** Milliseconds between two looks. */
const jobsMs = 2000;

export function JobsView({ service }: { readonly service: string | undefined }): JSX.Element {
  const { answer, trouble, refresh } = usePolled<{ readonly jobs: readonly Job[] }>(`jobs${queryOf({ service, limit: 100 })}`, jobsMs);
  return (
    <>
      <ServiceFilter view="jobs" service={service} />
      {trouble.value !== undefined && <TroubleNote trouble={trouble.value} what="Jobs" />}
      <JobTable jobs={answer.value?.jobs} onDone={refresh} />
    </>
  );
}
