/** The job that an action has asked for. Pure. */
import type { Job } from "./api-answers.ts";

/** @param answers of the API. @returns undefined where none was asked for */
export function firstJob(answers: readonly unknown[]): string | undefined {
  const [first] = answers;
  if (typeof first !== "object" || first === null || !("jobs" in first) || !Array.isArray(first.jobs)) return undefined;
  const jobs: readonly Job[] = first.jobs;
  return jobs[0]?.id;
}
