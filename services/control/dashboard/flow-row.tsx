/** One service in the picture of the flow: nodes with a word and its reason, and between them what flows and how late it is. */
import type { JSX } from "preact";
import { connectorHealth, type Health, targetHealth, topicHealth } from "./health.ts";
import { HealthBadge } from "./health-badge.tsx";
import { bytesText, counted, rateText, secondsText } from "./measures.ts";
import { usePage } from "./page.ts";
import { addressOf } from "./view-route.ts";

export function FlowRow({ name }: { readonly name: string }): JSX.Element | null {
  const { board } = usePage();
  const service = board.service(name)?.value;
  if (service === undefined) return null;
  const { lag, connector, topicEnd } = service;
  const events = lag.apply.events === null ? "unknown" : counted(lag.apply.events, "event");
  return (
    <tr>
      <th scope="row">
        <a href={addressOf({ view: "service", service: name })}>{name}</a>
      </th>
      <Node name={connector} health={connectorHealth(service, board.unitsOf(`connector ${connector}`))} />
      <td class="edge">
        <span class="rate">{rateText(board.capturedPerSecond(name))}</span>
        <span class="lag">
          {secondsText(lag.capture.seconds)}, {bytesText(lag.capture.bytes)}
        </span>
      </td>
      <Node name={topicEnd === null ? "unknown" : counted(topicEnd, "record")} health={topicHealth(service)} />
      <td class="edge">
        <span class="rate">{rateText(service.eventsPerSecond)}</span>
        <span class="lag">
          {secondsText(lag.apply.seconds)}, {events}
        </span>
      </td>
      <Node name={name} health={targetHealth(service, board.unitsOf(`applier ${name}`))} />
    </tr>
  );
}

function Node({ name, health }: { readonly name: string; readonly health: Health }): JSX.Element {
  return (
    <td class={`node ${health.level}`}>
      <HealthBadge health={health} /> <span class="node-name">{name}</span>
      {health.reason !== "" && <p class="reason">{health.reason}</p>}
    </td>
  );
}
