/** Which queues of dead letters are looked for. Pure. */
import type { LetterQueue } from "./api-answers.ts";

/** @param text in any case, of a table, a key, an operation or an error; empty for all */
export function matching(queues: readonly LetterQueue[], text: string): LetterQueue[] {
  const wanted = text.trim().toLowerCase();
  return queues.filter(({ table, key, op, error }) => [table, key, op, error ?? ""].some((each) => each.toLowerCase().includes(wanted)));
}

/** Services with their queues, by name. */
export function servicesOf(queues: readonly LetterQueue[]): { readonly name: string; readonly own: readonly LetterQueue[] }[] {
  const grouped = Map.groupBy(queues, ({ service }) => service);
  return [...grouped].map(([name, own]) => ({ name, own })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
