/**
 * When a command of this folder has failed: a figure that must be 0 is something else, or what the figures are of did not happen. A run that has read nothing has found
 * nothing, and would pass.
 *
 * Pure.
 */

/** What a run has found, and what must hold of it. */
export interface Course {
  readonly result: object;
  /** Logs and ledger, which nobody needs where nothing is wrong. */
  readonly folder?: string;
  /** Figures that must be 0. */
  readonly wrong: Readonly<Record<string, number>>;
  /** Figures that say how much was tried, and the least that each has to be. */
  readonly tried: Readonly<Record<string, readonly [is: number, least: number]>>;
}

export function courseFaults({ wrong, tried }: Pick<Course, "wrong" | "tried">): string[] {
  return [
    ...Object.entries(wrong).flatMap(([name, count]) => (count === 0 ? [] : [`${name} is ${count}, and must be 0`])),
    ...Object.entries(tried).flatMap(([name, [is, least]]) => (is >= least ? [] : [`${name} is ${is}, and must be ${least} at least`])),
  ];
}
