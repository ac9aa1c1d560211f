/** What jobs do: the same as the commands of their names. */
import { levels, type Level } from "../reconcile/report.ts";
import type { JobWork } from "../control/job-runner.ts";
import type { Configuration } from "../runtime/configuration.ts";
import type { Terminal } from "./terminal.ts";
import { reconcile } from "./reconcile.ts";
import { repair } from "./repair.ts";

/** @returns what the command answers with --json. @throws OfftakeError what the command does */
export async function workOnJob(configuration: Configuration, { job, progress, signal }: JobWork): Promise<unknown> {
  const terminal: Terminal = { json: true, progress, answer: () => {} };
  const { tables, level, dryRun } = job.arguments;
  if (job.kind === "repair")
    return (await repair(configuration, job.service, tables, { dryRun: dryRun === true, who: job.requestedBy }, terminal, signal)).object;
  return (await reconcile(configuration, job.service, tables, { level: levelOf(level), format: "json" }, terminal, signal)).object;
}

function levelOf(text: string | undefined): Level {
  return levels.find((each) => each === text) ?? "detailed";
}
