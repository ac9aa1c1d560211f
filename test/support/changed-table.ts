/** Which table a statement of a generated load is about, so that a test can say of each that its load was no illusion: what is refused, or finds no row, changes nothing. */
export function tableOf(sql: string): string {
  const table = /^(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)/.exec(sql)?.[1];
  if (table === undefined) throw new Error(`no table in ${sql}`);
  return table;
}

/** How often each name is there. */
export function tally(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
