/** The order of services: worst first, and of equally bad ones by name. Not by their lag: rows that change places each second are rows that nobody can click. Pure. */
import { type Health, levels } from "./health.ts";

export interface Ranked {
  readonly name: string;
  readonly health: Health;
}

export function worstFirst<T extends Ranked>(all: readonly T[]): T[] {
  return all.toSorted((a, b) => levels.indexOf(a.health.level) - levels.indexOf(b.health.level) || compared(a.name, b.name));
}

/** `2 to be woken for, 1 to look at, 47 ok`: how many are how bad, those that are none left out. */
export function summary(all: readonly Ranked[]): string {
  const words = { page: "in trouble", warning: "to look at", note: "paused or copying", ok: "ok" };
  const counts = levels.map((level) => [all.filter(({ health }) => health.level === level).length, words[level]] as const);
  return counts.flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`])).join(", ");
}

function compared(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
