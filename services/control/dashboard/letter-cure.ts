/** What mends a dead letter. The words are those of an applier that stops at an event: one that has put it aside does not come back to it by itself. Pure. */
export function letterCure(cure: string | null): string {
  return (cure ?? "").replace(/ ?The applier goes on by itself\.$/, " Then replay it.").trim();
}
