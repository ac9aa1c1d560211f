/** The figures of a service that have a history: what each is called, where it stands in the status and in the history, and how it is written. Pure. */
import type { History } from "./api-answers.ts";
import { bytesText, countText, rateText, secondsText } from "./measures.ts";
import type { ShownService } from "./shown-status.ts";

export interface Figure {
  readonly name: Exclude<keyof History, "everySeconds" | "times">;
  readonly label: string;
  readonly now: (service: ShownService) => number | null;
  readonly text: (value: number | null) => string;
}

export const figures: readonly Figure[] = [
  { name: "captureSeconds", label: "Capture lag, time", now: ({ lag }) => lag.capture.seconds, text: secondsText },
  { name: "captureBytes", label: "Capture lag, WAL", now: ({ lag }) => lag.capture.bytes, text: bytesText },
  { name: "applySeconds", label: "Apply lag, time", now: ({ lag }) => lag.apply.seconds, text: secondsText },
  { name: "applyBytes", label: "Apply lag, WAL", now: ({ lag }) => lag.apply.bytes, text: bytesText },
  { name: "applyEvents", label: "Apply lag, events", now: ({ lag }) => lag.apply.events, text: countText },
  { name: "eventsPerSecond", label: "Applied events", now: ({ eventsPerSecond }) => eventsPerSecond, text: rateText },
  { name: "retainedBytes", label: "WAL kept for the slot", now: ({ slot }) => slot.retainedBytes, text: bytesText },
];

export interface HistoryRow {
  /** ISO 8601. */
  readonly at: string;
  readonly value: number | null;
}

/** A row for each minute, with the largest figure of it: what was bad for ten seconds was bad. @returns newest first */
export function minuteRows(history: History, name: Figure["name"]): HistoryRow[] {
  const rows = new Map<string, number | null>();
  for (const [i, seconds] of history.times.entries()) {
    const at = new Date(Math.floor(seconds / 60) * 60_000).toISOString();
    const [known, value] = [rows.get(at) ?? null, history[name][i] ?? null];
    rows.set(at, known === null || value === null ? (known ?? value) : Math.max(known, value));
  }
  return [...rows].map(([at, value]) => ({ at, value })).toReversed();
}
