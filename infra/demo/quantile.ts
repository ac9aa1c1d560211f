/**
 * The value that the share `q` of the values does not exceed: the nearest rank, so that it is one that was measured.
 *
 * @returns NaN for no values
 */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(q * sorted.length) - 1, 0)] ?? Number.NaN;
}
