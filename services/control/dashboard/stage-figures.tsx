/** How far behind a service is, by stage: the figures of now, the last minutes beside them, and one of them over an hour. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import type { History } from "./api-answers.ts";
import { type Figure, figures } from "./figures.ts";
import { HistoryChart } from "./history-chart.tsx";
import { usePage } from "./page.ts";
import { usePolled } from "./polled.ts";
import { Sparkline } from "./sparkline.tsx";
import { TroubleNote } from "./trouble-note.tsx";

/** Columns of the history that a sparkline shows, ten minutes; milliseconds between two looks. */
const sparkColumns = 60;
const historyMs = 10_000;

export function StageFigures({ name }: { readonly name: string }): JSX.Element | null {
  const { board } = usePage();
  const { answer, trouble } = usePolled<History>(`services/${encodeURIComponent(name)}/history`, historyMs);
  const chosen = useSignal<Figure>(figures[2]!);
  const group = useId();
  const service = board.service(name)?.value;
  if (service === undefined) return null;
  return (
    <section aria-labelledby="figures">
      <h2 id="figures">Lag and rate</h2>
      <fieldset class="figures">
        <legend>Shown over the last hour</legend>
        {figures.map((figure) => (
          <label key={figure.name}>
            <input type="radio" name={group} checked={chosen.value === figure} onChange={() => (chosen.value = figure)} />
            <span>{figure.label}</span>
            <b class="number">{figure.text(figure.now(service))}</b>
            <Sparkline values={answer.value?.[figure.name].slice(-sparkColumns) ?? []} />
          </label>
        ))}
      </fieldset>
      {answer.value !== undefined && <HistoryChart history={answer.value} figure={chosen.value} />}
      {trouble.value !== undefined && <TroubleNote trouble={trouble.value} what="The last hour" />}
    </section>
  );
}
