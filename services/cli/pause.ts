/**
 * `offtake pause` and `offtake resume`: whether a service's changes are applied. What is captured meanwhile waits in the topic, so that the slot moves on and the monolith
 * keeps no WAL for it; Kafka's retention is what bounds a pause.
 */
import { withControl } from "../control/control-session.ts";
import { pauseApplying, readPauses, resumeApplying, type Pause } from "../control/pauses.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { pipelineOf } from "./service-pipeline.ts";

export interface PauseAnswer {
  readonly object: {
    readonly service: string;
    /** Whether this command has changed it. */
    readonly changed: boolean;
    readonly paused: Pause | null;
  } & Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** @param who does it, for the audit. @throws OfftakeError USAGE, and of the control database */
export async function pause(configuration: Configuration, name: string, who: string): Promise<PauseAnswer> {
  const { connector } = pipelineOf(configuration, name);
  return withControl(configuration.control.url, "offtake pause", async (control) => {
    const changed = await pauseApplying(control, { connector: connector.name, service: name, who });
    const paused = (await readPauses(control, [connector.name])).get(connector.name) ?? null;
    const text = changed
      ? `${name} is paused: its applier stops within seconds, and capture goes on. Next: offtake resume ${name}`
      : `${name} was paused already${paused === null ? "" : `, by ${paused.by} at ${paused.since}`}.`;
    return { object: { service: name, changed, paused }, text };
  });
}

/** @param who does it, for the audit. @throws OfftakeError USAGE, and of the control database */
export async function resume(configuration: Configuration, name: string, who: string): Promise<PauseAnswer> {
  const { connector } = pipelineOf(configuration, name);
  return withControl(configuration.control.url, "offtake resume", async (control) => {
    const changed = await resumeApplying(control, { connector: connector.name, service: name, who });
    const text = changed ? `${name} is resumed: its applier goes on within seconds, from where it stopped.` : `${name} was not paused.`;
    return { object: { service: name, changed, paused: null }, text };
  });
}
