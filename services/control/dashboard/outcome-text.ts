/** What came of an action, from what the API has answered to it. A replay that was answered with 200 may have failed all the same: the event was refused again. Pure. */
import type { Job } from "./api-answers.ts";
import { counted } from "./measures.ts";
import type { Trouble } from "./shown-status.ts";

export interface Outcome {
  readonly text: string;
  readonly trouble: Trouble | undefined;
}

/** Names of the answers of all operations that change something (docs/openapi.json). */
interface Answer {
  readonly changed?: boolean;
  readonly paused?: object | null;
  readonly jobs?: readonly Job[];
  readonly cancelled?: boolean;
  readonly skipped?: number;
  readonly replayed?: readonly { readonly id: string; readonly events: number; readonly error: Trouble | null }[];
  readonly audited?: boolean;
}

/** @param answers to the requests of one action, in their order */
export function outcomeText(answers: readonly unknown[]): Outcome {
  const known = answers.filter((each): each is Answer => typeof each === "object" && each !== null);
  const texts = [...new Set(known.map(answerText))].filter((text) => text !== "");
  const replayed = known.flatMap((each) => each.replayed ?? []);
  const events = replayed.reduce((sum, each) => sum + each.events, 0);
  const all = replayed.length === 0 ? texts : [`${counted(events, "event")} applied, in order.`, ...texts];
  const unaudited = known.some(({ audited }) => audited === false) ? ["The audit could not be written: the control database is away."] : [];
  return { text: [...all, ...unaudited].join(" "), trouble: replayed.find(({ error }) => error !== null)?.error ?? undefined };
}

function answerText({ changed, paused, jobs, cancelled, skipped }: Answer): string {
  if (changed !== undefined) return paused === null ? "Resumed: the applier goes on within seconds." : "Paused: the applier stops within seconds.";
  if (jobs !== undefined) return jobs.length === 0 ? "There was nothing to do." : `Asked for: ${jobs.map(({ id }) => `job ${id}`).join(", ")}.`;
  if (cancelled !== undefined) return cancelled ? "Called off." : "It was over already.";
  if (skipped !== undefined) return `${counted(skipped, "event")} dropped. Repair the table before its row changes again.`;
  return "";
}
