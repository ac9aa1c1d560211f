/**
 * What the terminal shows while events flow: one line for each service, painted over in place; or, where stdout is no terminal, a line now and then.
 */
import type { ProgressSample } from "./progress-sample.ts";

/** The table as lines. @param before the sample that the rate is counted from */
export function tableLines(before: ProgressSample, now: ProgressSample, title: string): string[] {
  const seconds = (now.at - before.at) / 1000;
  const rows = now.services.map(({ service, events, lagMs, lagBytes, slot }) => {
    const earlier = before.services.find((each) => each.service === service)?.events ?? 0;
    return [
      service.padEnd(16),
      grouped(events).padStart(12),
      (seconds > 0 ? grouped(Math.round((events - earlier) / seconds)) : "-").padStart(10),
      (lagMs === undefined ? "-" : lagMs.toFixed(1)).padStart(10),
      (lagBytes === undefined ? "-" : bytes(lagBytes)).padStart(12),
      `  ${slot}`,
    ].join(" ");
  });
  const head = [
    "service".padEnd(16),
    "events".padStart(12),
    "events/s".padStart(10),
    "lag ms".padStart(10),
    "lag of WAL".padStart(12),
    "  slot",
  ].join(" ");
  return [title, head, ...rows];
}

/** The same, all services in one line. */
export function progressLine(before: ProgressSample, now: ProgressSample, title: string): string {
  const seconds = (now.at - before.at) / 1000;
  const rate = seconds > 0 ? `, ${grouped(Math.round((total(now) - total(before)) / seconds))}/s` : "";
  const lagMs = largest(now.services.map((service) => service.lagMs)).toFixed(1);
  const lagBytes = bytes(largest(now.services.map((service) => service.lagBytes)));
  const ill = now.services.filter(({ slot }) => slot !== "ok").map(({ service, slot }) => `${service} ${slot}`);
  const slots = ill.length === 0 ? "slots ok" : `slots: ${ill.join(", ")}`;
  return `${title}: ${grouped(total(now))} events applied${rate}, longest lag ${lagMs} ms, ${lagBytes} of WAL, ${slots}`;
}

function total({ services }: ProgressSample): number {
  return services.reduce((sum, { events }) => sum + events, 0);
}

function largest(values: readonly (number | undefined)[]): number {
  return Math.max(0, ...values.filter((value) => value !== undefined));
}

/** Paints lines over those that it painted last. */
export class InPlace {
  readonly #write: (text: string) => void;
  #painted = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  paint(lines: readonly string[]): void {
    // Up to the first line, and all below it cleared.
    const over = this.#painted === 0 ? "" : `\u001b[${this.#painted}A\u001b[J`;
    this.#painted = lines.length;
    this.#write(`${over}${lines.join("\n")}\n`);
  }

  /** What is written next stands below, and stays. */
  leave(): void {
    this.#painted = 0;
  }
}

export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

function bytes(value: number): string {
  if (value < 10_240) return `${value} B`;
  return value < 10_485_760 ? `${Math.round(value / 1024)} KiB` : `${Math.round(value / 1_048_576)} MiB`;
}
