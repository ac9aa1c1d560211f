/** Every action of the dashboard, at a service to which each of them can be done. */
import type { Action } from "../../../../services/control/dashboard/action.ts";
import * as actions from "../../../../services/control/dashboard/action.ts";
import type { Job, KeyHolder, LetterQueue } from "../../../../services/control/dashboard/api-answers.ts";
import type { ShownService } from "../../../../services/control/dashboard/shown-status.ts";
import { copied, shownService } from "./shown-services.ts";

export const admin: KeyHolder = { name: "ada", role: "admin" };
export const marked = shownService({ needsCopy: [{ table: "public.b", reason: "never copied" }], copies: [copied] });
export const queue: LetterQueue = {
  id: "billing:7",
  service: "billing",
  table: "public.a",
  op: "update",
  key: "(id)=(7)",
  position: "0/1:1",
  since: "",
  error: "refused",
  cure: null,
  deadLetters: 3,
  keys: 1,
};

export function job(changed: Partial<Job>): Job {
  return {
    id: "j7",
    kind: "reconcile",
    service: "billing",
    tables: [],
    state: "running",
    progress: null,
    rows: null,
    estimatedRows: null,
    secondsLeft: null,
    error: null,
    result: null,
    requestedBy: "ada",
    requestedAt: "",
    startedAt: null,
    finishedAt: null,
    ...changed,
  };
}

export function allOf(holder: KeyHolder | undefined, service: ShownService = marked, jobs: readonly Job[] = []): Record<string, Action> {
  const scene = { holder, service, jobs };
  const paused = { ...scene, service: { ...service, paused: { by: "bob", since: "" } } };
  return {
    pause: actions.pauseAction(scene),
    resume: actions.resumeAction(paused),
    reconcile: actions.reconcileAction(scene, ["public.a"], "strict"),
    snapshot: actions.snapshotAction(scene, []),
    again: actions.snapshotAction(scene, ["public.a"]),
    preview: actions.previewAction(scene, []),
    repair: actions.repairAction(scene, ["public.a"], { published: 1, deleted: 1 }),
    replay: actions.replayAction(holder, queue),
    replayAll: actions.replayAllAction(holder, "billing", [queue]),
    skip: actions.skipAction(holder, queue, false),
    skipAll: actions.skipAction(holder, queue, true),
    cancel: actions.cancelAction(holder, job({}), "http://localhost"),
  };
}
