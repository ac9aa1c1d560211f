/**
 * What can be done to a service from this page: the request, the command that does the same, and why it may not be done at the moment. What loses something asks for the service's name first: a
 * button under the cursor of somebody who has just been woken is pressed.
 *
 * Pure.
 */
import type { Job, KeyHolder, LetterQueue } from "./api-answers.ts";
import * as commands from "./command-text.ts";
import { tablesOnTheirWay } from "./copy-on-its-way.ts";
import type { RepairedRows } from "./job-texts.ts";
import { counted, countText } from "./measures.ts";
import { refusal } from "./permission.ts";
import type { ShownService } from "./shown-status.ts";

export interface Action {
  readonly label: string;
  readonly command: string;
  /** Below /api/v1, each with its body, one after the other. */
  readonly requests: readonly { readonly path: string; readonly body: object }[];
  /** Why it may not be pressed; undefined where it may. */
  readonly blocked: string | undefined;
  /** Undefined for what can be undone. */
  readonly danger?: Danger | undefined;
}

export interface Danger {
  readonly service: string;
  /** What happens, as a sentence. */
  readonly warning: string;
  /** Whether it goes with a reason, for the audit. */
  readonly wantsReason: boolean;
}

export interface ActionScene {
  readonly holder: KeyHolder | undefined;
  readonly service: ShownService;
  /** Newest first; undefined while they are not known. */
  readonly jobs: readonly Job[] | undefined;
}

export function pauseAction({ holder, service: { service, paused } }: ActionScene): Action {
  return {
    label: "Pause",
    command: commands.pauseCommand(service),
    requests: [{ path: `services/${part(service)}/pause`, body: {} }],
    blocked: refusal(holder, "operator") ?? (paused === null ? undefined : `It is paused already, by ${paused.by}.`),
  };
}

export function resumeAction({ holder, service: { service, paused } }: ActionScene): Action {
  return {
    label: "Resume",
    command: commands.resumeCommand(service),
    requests: [{ path: `services/${part(service)}/resume`, body: {} }],
    blocked: refusal(holder, "operator") ?? (paused === null ? "It is not paused." : undefined),
  };
}

/** @param tables schema.table; empty for all */
export function reconcileAction(scene: ActionScene, tables: readonly string[], level: string): Action {
  const { service } = scene.service;
  return {
    label: "Reconcile now",
    command: commands.reconcileCommand(service, tables, level),
    requests: [{ path: `services/${part(service)}/reconcile`, body: { tables, level } }],
    blocked: refusal(scene.holder, "operator") ?? whilePaused(scene) ?? whileRunning(scene, "reconcile", tables),
  };
}

/** @param tables schema.table; empty for those that are marked as not copied, and are not on their way */
export function snapshotAction(scene: ActionScene, tables: readonly string[]): Action {
  const { service, needsCopy, copies } = scene.service;
  const onTheirWay = tablesOnTheirWay({ needsCopy, copies });
  const lacking = needsCopy.map(({ table }) => table).filter((table) => !onTheirWay.includes(table));
  const wanted = tables.length > 0 ? tables : lacking;
  // Where none is named, all that are marked are copied: what is on its way once more.
  const named = onTheirWay.length === 0 ? tables : wanted;
  const again = wanted.filter((table) => !needsCopy.some((mark) => mark.table === table) && copies.some((copy) => copy.table === table));
  return {
    label: tables.length === 0 ? "Snapshot what is not copied" : "Snapshot",
    command: commands.snapshotCommand(service, named),
    requests: [{ path: `services/${part(service)}/snapshot`, body: { tables: named } }],
    blocked:
      refusal(scene.holder, "operator") ??
      onItsWay(onTheirWay, wanted) ??
      (wanted.length === 0 ? "No table is marked as not copied. Select the tables that are to be copied again." : undefined) ??
      whileRunning(scene, "copy", wanted),
    danger:
      tables.length === 0
        ? undefined
        : {
            service,
            warning: `The rows of ${list(wanted)} are read from the monolith and written over what is at the target${again.length === 0 ? "" : ", once more"}.`,
            wantsReason: false,
          },
  };
}

/** Says what a repair would publish again or delete, and changes nothing. */
export function previewAction(scene: ActionScene, tables: readonly string[]): Action {
  const { service } = scene.service;
  return {
    label: "Preview the repair",
    command: commands.repairCommand(service, tables, true),
    requests: [{ path: `services/${part(service)}/repair`, body: { tables, dryRun: true } }],
    blocked: refusal(scene.holder, "operator") ?? whilePaused(scene) ?? whileRunning(scene, "repair", tables),
  };
}

/** @param rows that the preview has found; undefined where nobody has looked */
export function repairAction(scene: ActionScene, tables: readonly string[], rows: RepairedRows | undefined): Action {
  const { service } = scene.service;
  const looked = rows === undefined ? "Look at the preview first." : rows.published + rows.deleted === 0 ? "There is nothing to repair." : undefined;
  return {
    label: "Repair",
    command: commands.repairCommand(service, tables, false),
    requests: [{ path: `services/${part(service)}/repair`, body: { tables, dryRun: false } }],
    blocked: refusal(scene.holder, "operator") ?? whilePaused(scene) ?? whileRunning(scene, "repair", tables) ?? looked,
    danger: {
      service,
      warning: repairWarning(rows),
      wantsReason: false,
    },
  };
}

/** Both kinds are said at all times: a repair looks once more, and finds what is wrong by then. */
function repairWarning(rows: RepairedRows | undefined): string {
  if (rows === undefined)
    return "The monolith's rows are published again and written over the target's; what the monolith does not have is deleted at the target.";
  const { published, deleted } = rows;
  return `${counted(published, "row")} ${are(published)} published again and written over the target's; ${countText(deleted)} that the monolith does not have ${are(deleted)} deleted at the target.`;
}

function are(count: number): string {
  return count === 1 ? "is" : "are";
}

export function replayAction(holder: KeyHolder | undefined, { id, service }: LetterQueue): Action {
  return {
    label: "Replay",
    command: commands.replayCommand(service, id),
    requests: [replayRequest(id)],
    blocked: refusal(holder, "operator"),
  };
}

/** @param queues of one service, oldest first: a later one may wait for what an earlier one brings */
export function replayAllAction(holder: KeyHolder | undefined, service: string, queues: readonly LetterQueue[]): Action {
  return {
    label: `Replay all of ${service}`,
    command: commands.replayCommand(service, undefined),
    requests: queues.map(({ id }) => replayRequest(id)),
    blocked: refusal(holder, "operator") ?? (queues.length === 0 ? "Nothing waits." : undefined),
  };
}

function replayRequest(id: string): Action["requests"][number] {
  return { path: `dead-letters/${part(id)}/replay`, body: {} };
}

/** Of the first of a queue, or with `all` of the whole queue. */
export function skipAction(holder: KeyHolder | undefined, { id, service, deadLetters, key }: LetterQueue, all: boolean): Action {
  const what = all ? `All ${deadLetters} events of the queue of ${key} are` : `The first event of the queue of ${key} is`;
  return {
    label: all ? "Skip all" : "Skip",
    command: commands.skipCommand(service, id, all),
    requests: [{ path: `dead-letters/${part(id)}/skip`, body: { all } }],
    blocked: refusal(holder, "admin") ?? (all && deadLetters === 1 ? "It is the only one." : undefined),
    danger: { service, warning: `${what} never applied: the target's row will not be what the monolith's is.`, wantsReason: true },
  };
}

/** @param origin of this page */
export function cancelAction(holder: KeyHolder | undefined, job: Job, origin: string): Action {
  const over = job.state === "waiting" || job.state === "running" ? undefined : `It is ${job.state} already.`;
  return {
    label: "Cancel",
    command: commands.cancelCommand(job, origin),
    requests: [{ path: `jobs/${part(job.id)}/cancel`, body: {} }],
    blocked: refusal(holder, "operator") ?? over,
  };
}

function onItsWay(onTheirWay: readonly string[], wanted: readonly string[]): string | undefined {
  // Where nothing is left that could be ordered, that is why.
  const shared = wanted.length === 0 ? onTheirWay : wanted.filter((table) => onTheirWay.includes(table));
  return shared.length === 0 ? undefined : `Copied already, and on the way to the target: ${list(shared)}.`;
}

function whilePaused({ service: { paused } }: ActionScene): string | undefined {
  return paused === null ? undefined : "A paused service is not compared: resume it first.";
}

/** @param tables empty for all */
function whileRunning({ jobs }: ActionScene, kind: Job["kind"], tables: readonly string[]): string | undefined {
  const shares = (job: Job): boolean => tables.length === 0 || job.tables.length === 0 || job.tables.some((table) => tables.includes(table));
  const open = jobs?.find((job) => job.kind === kind && (job.state === "waiting" || job.state === "running") && shares(job));
  return open === undefined ? undefined : `Job ${open.id} does that already: it is ${open.state}.`;
}

function list(tables: readonly string[]): string {
  return tables.length <= 3 ? tables.join(", ") : `${tables.slice(0, 2).join(", ")} and ${tables.length - 2} others`;
}

function part(text: string): string {
  return encodeURIComponent(text);
}
