/** Will the monolith's disk fill: the WAL that is kept for each slot, worst first. */
import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { HealthBadge } from "./health-badge.tsx";
import { bytesText, secondsText, shareText } from "./measures.ts";
import { usePage } from "./page.ts";
import { goneText, lossText, slotHealth, slotsWorstFirst } from "./slot-order.ts";
import { addressOf } from "./view-route.ts";

export function SlotsView(): JSX.Element {
  const { board } = usePage();
  const order = useComputed(() =>
    slotsWorstFirst(board.names.value.flatMap((name) => board.service(name)?.value ?? []))
      .map(({ service }) => service)
      .join("\n"),
  );
  if (board.at.value === undefined) return <p>Waiting for the first figures.</p>;
  return (
    <table>
      <caption>One slot for each connector, worst first</caption>
      <thead>
        <tr>
          <th scope="col">Slot</th>
          <th scope="col">Service</th>
          <th scope="col">Health</th>
          <th scope="col">WAL kept, of the budget</th>
          <th scope="col">Grows</th>
          <th scope="col">Left before it may be lost</th>
          <th scope="col">Time to loss</th>
          <th scope="col">Captured LSN</th>
          <th scope="col">Behind the monolith</th>
        </tr>
      </thead>
      <tbody>{order.value === "" ? null : order.value.split("\n").map((name) => <Row name={name} key={name} />)}</tbody>
    </table>
  );
}

function Row({ name }: { readonly name: string }): JSX.Element | null {
  const { board } = usePage();
  const service = board.service(name)?.value;
  if (service === undefined) return null;
  const { slot, capturedLsn, lag } = service;
  const { retainedBytes, budgetBytes, growthBytesPerSecond, safeBytes } = slot;
  const health = slotHealth(slot);
  const gone = goneText(slot);
  const share = gone !== undefined || retainedBytes === null ? undefined : retainedBytes / budgetBytes;
  return (
    <tr>
      <th scope="row">{slot.name}</th>
      <td>
        <a href={addressOf({ view: "service", service: name })}>{name}</a>
      </td>
      <td>
        <HealthBadge health={health} />
        {health.reason !== "" && <p class="reason">{health.reason}</p>}
      </td>
      <td>
        {share !== undefined && (
          <meter value={Math.min(share, 1)} low={0.5} high={0.8} optimum={0} aria-label={`WAL kept for ${slot.name}, of its budget`} />
        )}{" "}
        {gone ?? `${bytesText(retainedBytes)} of ${bytesText(budgetBytes)}${share === undefined ? "" : `, ${shareText(share)}`}`}
      </td>
      <td class="number">
        {growthBytesPerSecond === null ? "unknown" : growthBytesPerSecond === 0 ? "not" : `${bytesText(growthBytesPerSecond)}/s`}
      </td>
      <td class="number">{gone ?? (retainedBytes === null ? "unknown" : safeBytes === null ? "no limit is set" : bytesText(safeBytes))}</td>
      <td class="number">{lossText(slot)}</td>
      <td>
        <code>{capturedLsn ?? "unknown"}</code>
      </td>
      <td class="number">
        {bytesText(lag.capture.bytes)}, {secondsText(lag.capture.seconds)}
      </td>
    </tr>
  );
}
