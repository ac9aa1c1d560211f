/** `offtake status`: every service on one line, once or again every second. */
import { copyCure } from "../../connectors/postgres/copy-cure.ts";
import { pausedText } from "../control/pauses.ts";
import { isOpen, type TableCopyStatus } from "../control/snapshot-orders.ts";
import type { UnitReport } from "../control/unit-reports.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { isOnItsWay } from "./copy-state.ts";
import { copyText, onItsWayText } from "./copy-text.ts";
import { unitTroubles } from "./installation-health.ts";
import { alertsText, passesText } from "./passes-text.ts";
import type { ServiceStatus } from "./service-status.ts";
import { type StatusSample, StatusSampler } from "./status-sampler.ts";
import { ExitCode, type Terminal } from "./terminal.ts";

export interface StatusAnswer {
  readonly object: {
    readonly services: readonly (ServiceStatus & { readonly eventsPerSecond: number | null })[];
    /** What each process says of its connectors, appliers and reconcilers; null where the control database cannot say. */
    readonly units: readonly UnitReport[] | null;
  };
  readonly text: string;
  readonly exit: ExitCode;
}

/** Milliseconds between the two samples that make a rate. */
const rateMs = 500;

/** What cannot be found out is null in the answer, and its error stands beside it: a server that is away hides none of the others. */
export async function status(configuration: Configuration): Promise<StatusAnswer> {
  await using sampler = new StatusSampler(configuration, "offtake status");
  const before = await sampler.sample();
  await waitOrStop(rateMs, new AbortController().signal);
  return statusAnswer(before, await sampler.sample());
}

/** Repaints until it is stopped; with --json one object a line. */
export async function watchStatus(configuration: Configuration, terminal: Terminal, signal: AbortSignal): Promise<void> {
  await using sampler = new StatusSampler(configuration, "offtake status");
  let before = await sampler.sample();
  while ((await waitOrStop(1000, signal)) === "elapsed") {
    const now = await sampler.sample();
    const { object, text } = statusAnswer(before, now);
    before = now;
    const clear = process.stdout.isTTY && !terminal.json ? "\u001b[H\u001b[2J" : "";
    process.stdout.write(clear);
    terminal.answer({ ...object }, text);
  }
}

/** @param before of some time ago: what was applied between the two makes the rate */
export function statusAnswer(before: StatusSample, now: StatusSample): StatusAnswer {
  const between = (now.at - before.at) / 1000;
  const services = now.services.map((service) => {
    const earlier = before.services.find((each) => each.service === service.service)?.appliedOffset ?? null;
    const eventsPerSecond = earlier === null || service.appliedOffset === null ? null : Math.round((service.appliedOffset - earlier) / between);
    return { ...service, eventsPerSecond };
  });
  return {
    object: { services, units: now.units ?? null },
    text: [statusText(services), ...unitsText(services, now.units)].join("\n"),
    exit: exitOf(services.flatMap(({ errors }) => errors.map(({ code }) => code))),
  };
}

function exitOf(errors: readonly string[]): ExitCode {
  if (errors.some((code) => code.endsWith("_UNREACHABLE"))) return ExitCode.unreachable;
  return errors.length === 0 ? ExitCode.done : ExitCode.failed;
}

function statusText(services: readonly (ServiceStatus & { readonly eventsPerSecond: number | null })[]): string {
  const rows = services.map(({ service, slot, lag, eventsPerSecond, appliedLsn, errors }) => [
    service,
    slot.active !== false ? slot.word : `${slot.word}, not read`,
    `${seconds(lag.capture.seconds)} ${bytes(lag.capture.bytes)}`,
    `${seconds(lag.apply.seconds)} ${bytes(lag.apply.bytes)} ${lag.apply.events ?? "?"} events`,
    eventsPerSecond === null ? "-" : `${eventsPerSecond}/s`,
    appliedLsn ?? (errors.length === 0 ? "nothing yet" : "?"),
  ]);
  const lines = columns([["service", "slot", "capture lag", "apply lag", "rate", "applied"], ...rows]);
  const notes = services.flatMap(({ service, connector, slot, notCopied, needsCopy, copies, reconciliations, alerts, parked, paused }) => [
    ...(paused === null ? [] : [`${service}: ${pausedText(paused)}, and neither applied to nor compared: offtake resume ${service}`]),
    ...(slot.reason === "" ? [] : [`${service}: slot ${slot.name}: ${slot.reason}`]),
    ...(notCopied.length === 0 ? [] : [`${service}: not copied, so that rows are missing at the target: ${notCopied.join(", ")}`]),
    ...needsCopy
      .filter(({ table }) => !copies.some((copy) => copy.table === table && (isOpen(copy) || isOnItsWay(copy, needsCopy))))
      .map((mark) => `${service}: ${mark.table} has to be copied: ${mark.reason}. ${copyCure({ service, connector }, mark)}`),
    ...copies.filter((copy) => isOpen(copy) || copy.state === "failed").map((copy) => `${service}: ${copyText(copy)}`),
    ...copies.filter((copy) => isOnItsWay(copy, needsCopy)).map((copy) => `${service}: ${onItsWayText(copy)}`),
    ...unverifiedText(service, copies, notCopied),
    ...passesText(service, reconciliations),
    ...alertsText(service, alerts),
    ...parked.map(
      ({ table, keys, deadLetters }) =>
        `${service}: ${table}: ${keys} keys are parked, with ${deadLetters} dead letters: offtake dlq list ${service}`,
    ),
  ]);
  return [lines, ...notes, ...errorsText(services)].join("\n");
}

/** What is wrong with a server that all services have in common is said once. */
function errorsText(services: readonly ServiceStatus[]): string[] {
  const all = services.flatMap(({ service, errors }) =>
    errors.map(({ code, message, cure }) => ({ service, text: `${code}: ${message}${cure === "" ? "" : ` ${cure}`}` })),
  );
  return [...Map.groupBy(all, ({ text }) => text)].map(([text, those]) => `${those.map(({ service }) => service).join(", ")}: ${text}`);
}

/** Connectors and appliers that do not work, or that no process runs. */
function unitsText(services: readonly ServiceStatus[], units: readonly UnitReport[] | undefined): string[] {
  if (units === undefined) return [];
  const expected = services.flatMap(({ service, connector }) => [`connector ${connector}`, `applier ${service}`]);
  const missing = expected.filter((unit) => !units.some((each) => each.unit === unit));
  return [
    ...unitTroubles(units).map(({ where, what }) => `${where}: ${what}`),
    ...(missing.length === 0 ? [] : [`No process runs ${missing.join(", ")}: offtake run`]),
  ];
}

function unverifiedText(service: string, copies: readonly TableCopyStatus[], notCopied: readonly string[]): string[] {
  const tables = copies
    .filter(({ table, state, verifiedAt }) => state === "copied" && verifiedAt === null && !notCopied.includes(table))
    .map(({ table }) => table);
  return tables.length === 0 ? [] : [`${service}: copied, not yet verified: ${tables.join(", ")}`];
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function seconds(value: number | null): string {
  if (value === null) return "?";
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(value < 10 ? 1 : 0)} s`;
}

function bytes(value: number | null): string {
  if (value === null) return "?";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let scaled = value;
  let unit = 0;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? scaled : scaled.toFixed(1)} ${units[unit]}`;
}
