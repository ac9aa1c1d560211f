/**
 * "Did you mean …?": the known name that a misspelled one is most likely to be.
 *
 * A wrong suggestion is worse than none, since people follow it: at most one letter in three may differ, and a tie is no answer.
 *
 * Pure. Distance: insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
 */

/** The nearest of the candidates, ignoring case, or undefined when none is near or two are equally near. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  // Longer than this is no misspelling of a key or a table, and the distance costs the product of both lengths.
  if (name.length > 100) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of new Set(candidates)) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance === bestDistance) best = undefined;
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, at(beforeLast, j - 2) + 1);
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
