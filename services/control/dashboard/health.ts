/**
 * How each node of the flow is, in one word and a reason. The word is what somebody reads who was woken a minute ago: it is the worst that is known of the node, and never better than that.
 *
 * The thresholds are those of what wakes people (installation-health.ts, slot-health.ts): a page that is calm while the pager is not would be closed. Pure.
 */
import { tablesOnTheirWay } from "./copy-on-its-way.ts";
import { secondsText } from "./measures.ts";
import type { ShownService, ShownUnit, Trouble } from "./shown-status.ts";

/** From bad to good: somebody has to be woken, has to look, may want to know, can go on sleeping. */
export const levels = ["page", "warning", "note", "ok"] as const;
export type Level = (typeof levels)[number];

export interface Health {
  readonly word: string;
  readonly level: Level;
  /** Empty for ok. */
  readonly reason: string;
}

const fine: Health = { word: "ok", level: "ok", reason: "" };

/** Seconds after which a process that reports every five is missed. */
const silentSeconds = 30;
/** Apply lag, in seconds, from which on a service is behind where nobody has set a limit: the default of the alert. */
const behindSeconds = 300;

/** @returns the worst; of equally bad ones the first */
export function worst(all: readonly Health[]): Health {
  return levels.flatMap((level) => all.filter((each) => each.level === level))[0] ?? fine;
}

/** Whether the processes do a unit's work. @param reports of this unit alone; null where nobody can say. @param errors of its service */
export function unitHealth(reports: readonly ShownUnit[] | null, errors: readonly Trouble[]): Health {
  // Reports that are kept from before grow old while their processes work.
  if (reports === null || controlTrouble(errors) !== undefined)
    return { word: "unreported", level: "warning", reason: "the control database cannot be asked what the processes do" };
  const speaking = reports.filter(({ ageSeconds }) => ageSeconds <= silentSeconds);
  if (speaking.some(({ ready }) => ready)) return fine;
  const newest = speaking[0];
  if (newest !== undefined) return { word: "failing", level: "page", reason: newest.reason };
  const silent = reports[0];
  return {
    word: "stopped",
    level: "page",
    reason: silent === undefined ? "no process runs it" : `${silent.process} has said nothing for ${secondsText(silent.ageSeconds)}`,
  };
}

/** @param reports of the connector's unit; null where nobody can say */
export function connectorHealth({ slot, connector, errors }: ShownService, reports: readonly ShownUnit[] | null): Health {
  const unit = unitHealth(reports, errors);
  // Somebody reads the slot: the connector works, and cannot say so.
  const running: Health =
    unit.word === "stopped" && slot.active === true
      ? { word: "unreported", level: "warning", reason: `the slot of ${connector} is read, and the control database does not learn by whom` }
      : unit;
  const level = slot.word === "ok" ? "ok" : slot.page ? "page" : "warning";
  // `inactive` says what the stopped connector says already, and less of it.
  return worst([
    ...reachable(errors, "SOURCE_"),
    ...(slot.word === "inactive" ? [running] : []),
    { word: slot.word, level, reason: slot.reason },
    running,
  ]);
}

export function topicHealth({ topicEnd, errors }: ShownService): Health {
  const unknown: Health = { word: "unknown", level: "warning", reason: "nobody could read where the topic ends" };
  return worst([...reachable(errors, "KAFKA_"), ...reachable(errors, "REGISTRY_"), ...(topicEnd === null ? [unknown] : [])]);
}

/** Of a service's target and of what applies to it. @param reports of the applier's unit; null where nobody can say */
export function targetHealth(service: ShownService, reports: readonly ShownUnit[] | null): Health {
  const { paused, errors, lag } = service;
  const late = lag.apply.seconds ?? 0;
  return worst([
    ...reachable(errors, "TARGET_"),
    unitHealth(reports, errors),
    ...wrongRows(service),
    ...(paused === null && late > behindSeconds ? [{ word: "behind", level: "warning", reason: `by ${secondsText(late)}` } as const] : []),
    ...lackingRows(service),
    ...(paused === null ? [] : [{ word: "paused", level: "note", reason: `by ${paused.by}` } as const]),
    ...underWay(service),
  ]);
}

export function monolithHealth(services: readonly ShownService[]): Health {
  return worst([
    ...services.flatMap(({ errors }) => reachable(errors, "SOURCE_")),
    ...services
      .filter(({ slot }) => slot.word === "over-budget" || slot.word === "retaining")
      .map(({ service, slot }): Health => ({
        word: "keeping WAL",
        level: slot.page ? "page" : "warning",
        reason: `for ${service}: ${slot.reason}`,
      })),
  ]);
}

/** Of the control database, which nothing that replicates waits for. */
export function controlHealth(services: readonly ShownService[]): Health {
  return worst(services.flatMap(({ errors }) => reachable(errors, "CONTROL_").map((each): Health => ({ ...each, level: "warning" }))));
}

/** @returns why the control database could not be asked; undefined where it could */
export function controlTrouble(errors: readonly Trouble[]): Trouble | undefined {
  return errors.find(({ code }) => code.startsWith("CONTROL_"));
}

/** What could not be asked. @param prefix of the codes of one server */
function reachable(errors: readonly Trouble[], prefix: string): Health[] {
  return errors
    .filter(({ code }) => code.startsWith(prefix))
    .map(({ code, message }): Health => ({ word: code.endsWith("_UNREACHABLE") ? "unreachable" : "failing", level: "page", reason: message }));
}

function wrongRows({ alerts, reconciliations }: ShownService): Health[] {
  const raised = alerts.map(({ table, kind, detail }): Health => {
    const word = kind === "mismatch" ? "mismatch" : kind === "lag" ? "behind" : "unproven";
    return { word, level: kind === "overdue" ? "warning" : "page", reason: `${table}: ${detail}` };
  });
  const wrong = reconciliations
    .filter(({ mismatches, verdict }) => mismatches > 0 || verdict === "too-divergent")
    .map(({ table, mismatches, verdict }): Health => ({
      word: "mismatch",
      level: "warning",
      reason: verdict === "too-divergent" ? `${table} is too divergent to be listed` : `${table}: ${mismatches} wrong`,
    }));
  return [...raised, ...wrong];
}

function lackingRows({ parked, needsCopy, copies }: ShownService): Health[] {
  const onTheirWay = tablesOnTheirWay({ needsCopy, copies });
  const open = (table: string): boolean => onTheirWay.includes(table) || copies.some((copy) => copy.table === table && isUnderWay(copy.state));
  return [
    ...parked.map(({ table, keys, deadLetters }): Health => ({
      word: "dead letters",
      level: "warning",
      reason: `${table}: ${deadLetters} for ${keys} parked ${keys === 1 ? "key" : "keys"}`,
    })),
    ...copies
      .filter(({ state }) => state === "failed")
      .map(({ table, error }): Health => ({ word: "copy failed", level: "warning", reason: `${table}: ${error ?? "nobody knows why"}` })),
    ...needsCopy
      .filter(({ table }) => !open(table))
      .map(({ table, reason }): Health => ({ word: "not copied", level: "warning", reason: `${table}: ${reason}` })),
  ];
}

function underWay({ copies, needsCopy }: ShownService): Health[] {
  const open = copies.filter(({ state }) => isUnderWay(state)).map(({ table }) => table);
  const all = [...open, ...tablesOnTheirWay({ needsCopy, copies }).map((table) => `${table} (on its way to the target)`)];
  return all.length === 0 ? [] : [{ word: "copying", level: "note", reason: all.join(", ") }];
}

/** A copy that waits or is under way. */
function isUnderWay(state: string): boolean {
  return state === "waiting" || state === "copying";
}
