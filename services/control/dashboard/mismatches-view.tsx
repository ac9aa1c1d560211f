/** What is wrong, since when, and whether it can be repaired. */
import type { JSX } from "preact";
import type { Job, Mismatch } from "./api-answers.ts";
import { mismatchGaps } from "./mismatch-gaps.ts";
import { MismatchTable } from "./mismatch-table.tsx";
import { usePage } from "./page.ts";
import { usePolled } from "./polled.ts";
import { queryOf } from "./query-of.ts";
import { ServiceFilter } from "./service-filter.tsx";
import { tablesOf } from "./mismatch-tables.ts";
import { TroubleNote } from "./trouble-note.tsx";

/** Milliseconds between two looks, at mismatches and at jobs; rows that are shown. */
const mismatchesMs = 5000;
const jobsMs = 3000;
const shown = 500;

export function MismatchesView({ service }: { readonly service: string | undefined }): JSX.Element {
  const { board } = usePage();
  const path = `mismatches${queryOf({ service, limit: shown })}`;
  const { answer, trouble, refresh } = usePolled<{ readonly mismatches: readonly Mismatch[] }>(path, mismatchesMs);
  const jobs = usePolled<{ readonly jobs: readonly Job[] }>(`jobs${queryOf({ service, limit: 100 })}`, jobsMs);
  const onDone = (): void => {
    refresh();
    jobs.refresh();
  };
  const mismatches = board.at.value === undefined ? undefined : answer.value?.mismatches;
  const names = service === undefined ? board.names.value : [service];
  const gaps = mismatchGaps(
    names.flatMap((name) => board.service(name)?.value ?? []),
    mismatches ?? [],
  );
  return (
    <>
      <ServiceFilter view="mismatches" service={service} />
      {trouble.value !== undefined && <TroubleNote trouble={trouble.value} what="Mismatches" />}
      {mismatches === undefined ? (
        <p>Waiting for the mismatches.</p>
      ) : (
        <>
          {mismatches.length === 0 && gaps.length === 0 && <p>The newest passes have found no row wrong.</p>}
          {gaps.map((gap) => (
            <p key={gap} class="note warning">
              {gap}
            </p>
          ))}
          {mismatches.length === shown && <p>The first {shown} are shown.</p>}
          {tablesOf(mismatches).map((each) => (
            <MismatchTable key={`${each.service} ${each.table}`} found={each} jobs={jobs.answer.value?.jobs} onDone={onDone} />
          ))}
        </>
      )}
    </>
  );
}
