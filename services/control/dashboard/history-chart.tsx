/** A figure over the last hour, and beside it the same as a table. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { History } from "./api-answers.ts";
import { type Figure, minuteRows } from "./figures.ts";
import { timeText } from "./moments.ts";
import { brightness, zone } from "./settings.ts";

interface Charted {
  readonly history: History;
  readonly figure: Figure;
}

export function HistoryChart({ history, figure }: Charted): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  // Colours of a canvas do not follow the style sheet.
  const looks = `${brightness.value} ${zone.value}`;
  useEffect(() => {
    const own = place.current;
    if (own === null) return undefined;
    chart.current = new uPlot(optionsOf(own, figure), dataOf(history, figure), own);
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: own.clientWidth, height }));
    resized.observe(own);
    return () => {
      resized.disconnect();
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, [figure, looks]);
  useEffect(() => chart.current?.setData(dataOf(history, figure)), [history]);
  return (
    <div class="chart">
      <div ref={place} role="img" aria-label={`${figure.label} over the last hour; the table has the figures`} />
      <details>
        <summary>{figure.label} as a table</summary>
        <div class="scrolled" tabIndex={0} role="region" aria-label={`${figure.label} by minute`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Minute</th>
                <th scope="col">{figure.label}, at most</th>
              </tr>
            </thead>
            <tbody>
              {minuteRows(history, figure.name).map(({ at, value }) => (
                <tr key={at}>
                  <td>
                    <time dateTime={at}>{timeText(at, zone.value)}</time>
                  </td>
                  <td class="number">{figure.text(value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </div>
  );
}

/** Pixels. */
const height = 180;

function clockText(seconds: number, withSeconds: boolean): string {
  return timeText(new Date(seconds * 1000).toISOString(), zone.peek()).slice(0, withSeconds ? 8 : 5);
}

function dataOf({ times, ...rest }: History, { name }: Figure): uPlot.AlignedData {
  return [[...times], [...rest[name]]];
}

function optionsOf(place: HTMLElement, { text, label }: Figure): uPlot.Options {
  const style = getComputedStyle(place);
  const [ink, line, grid] = ["--dim", "--accent", "--line"].map((name) => style.getPropertyValue(name));
  const axis = { stroke: ink!, grid: { stroke: grid!, width: 1 }, ticks: { stroke: grid!, width: 1 }, font: "12px system-ui" };
  return {
    width: Math.max(place.clientWidth, 200),
    height,
    legend: { show: false },
    cursor: { show: false },
    tzDate: (seconds) => (zone.peek() === "UTC" ? uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") : new Date(seconds * 1000)),
    axes: [
      // The widest text, 08:12:30, and room beside it.
      { ...axis, space: 80, values: (_, moments, __, ___, step) => moments.map((seconds) => clockText(seconds, step < 60)) },
      { ...axis, size: 80, values: (_, values) => values.map((value) => text(value)) },
    ],
    scales: { y: { range: (_, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
    series: [{}, { label, stroke: line!, width: 1.5, spanGaps: false, points: { show: false } }],
  };
}
