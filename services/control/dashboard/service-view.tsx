/** How far behind a service is, since when, and what can be done about it. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { type ActionScene, pauseAction, reconcileAction, resumeAction, snapshotAction } from "./action.ts";
import { ActionButton } from "./action-button.tsx";
import type { Job } from "./api-answers.ts";
import { Choice } from "./choice.tsx";
import { connectorHealth, targetHealth, topicHealth } from "./health.ts";
import { HealthBadge } from "./health-badge.tsx";
import { JobTable } from "./job-table.tsx";
import { usePage } from "./page.ts";
import { usePolled } from "./polled.ts";
import { RepairPanel } from "./repair-panel.tsx";
import { StageFigures } from "./stage-figures.tsx";
import { TableList } from "./table-list.tsx";
import { TroubleNote } from "./trouble-note.tsx";
import { addressOf } from "./view-route.ts";

const linked = [
  { view: "mismatches", text: "mismatches" },
  { view: "dead-letters", text: "dead letters" },
  { view: "jobs", text: "jobs" },
  { view: "audit", text: "audit" },
] as const;
const levels = ["basic", "detailed", "strict"] as const;
/** Milliseconds between two looks at its jobs. */
const jobsMs = 2000;

export function ServiceView({ name }: { readonly name: string }): JSX.Element {
  const { board, holder } = usePage();
  const selected = useSignal<readonly string[]>([]);
  const level = useSignal<(typeof levels)[number]>("detailed");
  const jobs = usePolled<{ readonly jobs: readonly Job[] }>(`jobs?service=${encodeURIComponent(name)}&limit=20`, jobsMs);
  const service = board.service(name)?.value;
  if (service === undefined)
    return <p>{board.at.value === undefined ? "Waiting for the first figures." : `There is no service ${name} in the configuration.`}</p>;
  const scene: ActionScene = { holder: holder.value, service, jobs: jobs.answer.value?.jobs };
  const tables = selected.value;
  const onDone = (): void => jobs.refresh();
  return (
    <>
      <Health name={name} />
      <p class="links">
        Of this service alone: {linked.map(({ view, text }, i) => [i === 0 ? "" : ", ", <a href={addressOf({ view, service: name })}>{text}</a>])}.
      </p>
      {service.errors.map((trouble) => (
        <TroubleNote key={trouble.code + trouble.message} trouble={trouble} />
      ))}
      <section aria-labelledby="actions">
        <h2 id="actions">Actions</h2>
        <ActionButton action={pauseAction(scene)} />
        <ActionButton action={resumeAction(scene)} />
        <p class="selection">
          {tables.length === 0
            ? "What follows is of all tables; select some below for less."
            : `What follows is of the tables that are selected: ${tables.join(", ")}.`}
        </p>
        <Choice label="Level of the pass" all={levels} chosen={level} />
        <ActionButton action={reconcileAction(scene, tables, level.value)} onDone={onDone} />
        <ActionButton action={snapshotAction(scene, tables)} onDone={onDone} />
        <RepairPanel scene={scene} tables={tables} key={tables.join()} />
      </section>
      <StageFigures name={name} />
      <TableList name={name} selected={selected} />
      <section aria-labelledby="jobs">
        <h2 id="jobs">Jobs</h2>
        <JobTable jobs={jobs.answer.value?.jobs} onDone={onDone} />
        {jobs.trouble.value !== undefined && <TroubleNote trouble={jobs.trouble.value} what="Jobs" />}
      </section>
    </>
  );
}

function Health({ name }: { readonly name: string }): JSX.Element | null {
  const { board } = usePage();
  const service = board.service(name)?.value;
  if (service === undefined) return null;
  const nodes = [
    [`connector ${service.connector}`, connectorHealth(service, board.unitsOf(`connector ${service.connector}`))],
    ["topic", topicHealth(service)],
    ["target", targetHealth(service, board.unitsOf(`applier ${name}`))],
  ] as const;
  return (
    <dl class="nodes">
      {nodes.map(([label, health]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>
            <HealthBadge health={health} /> {health.reason}
          </dd>
        </div>
      ))}
      <div>
        <dt>captured LSN</dt>
        <dd>
          <code>{service.capturedLsn ?? "unknown"}</code>
        </dd>
      </div>
      <div>
        <dt>applied LSN</dt>
        <dd>
          <code>{service.appliedLsn ?? "unknown"}</code>
        </dd>
      </div>
    </dl>
  );
}
