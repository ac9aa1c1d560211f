/** Is anything wrong, and where: the way of the data, worst service first. */
import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { FlowRow } from "./flow-row.tsx";
import { connectorHealth, controlHealth, monolithHealth, targetHealth, topicHealth, worst } from "./health.ts";
import { HealthBadge } from "./health-badge.tsx";
import { counted } from "./measures.ts";
import { usePage } from "./page.ts";
import { type Ranked, summary, worstFirst } from "./worst-first.ts";
import { ValidationFindings } from "./validation-findings.tsx";

export function OverviewView(): JSX.Element {
  const { board } = usePage();
  const ranked = useComputed((): Ranked[] =>
    worstFirst(
      board.names.value.flatMap((name) => {
        const service = board.service(name)?.value;
        if (service === undefined) return [];
        const parts = [
          connectorHealth(service, board.unitsOf(`connector ${service.connector}`)),
          topicHealth(service),
          targetHealth(service, board.unitsOf(`applier ${name}`)),
        ];
        return [{ name, health: worst(parts) }];
      }),
    ),
  );
  // A text that is the same as before makes nothing anew: rows follow their own service.
  const order = useComputed(() => ranked.value.map(({ name }) => name).join("\n"));
  const told = useComputed(() => `${counted(ranked.value.length, "service")}: ${summary(ranked.value)}`);
  if (board.at.value === undefined) return <p>Waiting for the first figures.</p>;
  if (order.value === "") return <p>The configuration names no services.</p>;
  return (
    <>
      <p class="summary">{told}</p>
      <ControlNote />
      <div class="flow">
        <Monolith />
        <table>
          <caption class="visually-hidden">From the monolith to each service, worst first</caption>
          <thead>
            <tr>
              <th scope="col">Service</th>
              <th scope="col">Connector</th>
              <th scope="col">Capture: rate, lag</th>
              <th scope="col">Topic</th>
              <th scope="col">Apply: rate, lag</th>
              <th scope="col">Target</th>
            </tr>
          </thead>
          <tbody>
            {order.value.split("\n").map((name) => (
              <FlowRow name={name} key={name} />
            ))}
          </tbody>
        </table>
      </div>
      <ValidationFindings />
    </>
  );
}

function Monolith(): JSX.Element {
  const { board } = usePage();
  const health = monolithHealth(board.names.value.flatMap((name) => board.service(name)?.value ?? []));
  return (
    <section class={`node monolith ${health.level}`} aria-label="Monolith">
      <b>monolith</b> <HealthBadge health={health} />
      <p class="reason">{health.reason}</p>
    </section>
  );
}

function ControlNote(): JSX.Element | null {
  const { board } = usePage();
  const health = controlHealth(board.names.value.flatMap((name) => board.service(name)?.value ?? []));
  if (health.level === "ok") return null;
  return (
    <p class="note warning">
      <b>The control database is {health.word}.</b> {health.reason} Replication goes on; jobs, pauses and passes are as they were last known, and
      nothing can be changed.
    </p>
  );
}
