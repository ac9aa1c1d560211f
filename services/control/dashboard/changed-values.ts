/** What something was before or after a change, short enough for a line of a table, and whole where it is longer. Pure. */
const mostCharacters = 80;

/** @returns `whole` undefined where `short` has all of it */
export function changedValues(value: unknown): { readonly short: string; readonly whole: string | undefined } {
  if (value === null || value === undefined) return { short: "nothing", whole: undefined };
  const text = typeof value === "object" && !Array.isArray(value) ? named(value) : JSON.stringify(value);
  if (text.length <= mostCharacters) return { short: text, whole: undefined };
  return { short: `${text.slice(0, mostCharacters - 1)}…`, whole: JSON.stringify(value, null, 2) };
}

function named(value: object): string {
  const parts = Object.entries(value).map(([name, each]) => `${name}: ${typeof each === "string" ? each : JSON.stringify(each)}`);
  return parts.length === 0 ? "nothing" : parts.join(", ");
}
