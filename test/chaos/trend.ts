/**
 * Whether a row of figures grows: Theil and Sen's line, the median of the slopes between any two of them. A few minutes in which everything was slow, or a heap that had
 * just been swept, do not turn it, as they would a line of least squares.
 *
 * Pure. Source: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968.
 */
import { median } from "../bench/figures.ts";

export const fewestFigures = 3;

/**
 * @param values at equal distances
 * @returns what the line rises by from the first to the last, as a share of the median; 0 for fewer than three
 */
export function growth(values: readonly number[]): number {
  if (values.length < fewestFigures) return 0;
  const slopes: number[] = [];
  for (let i = 0; i < values.length; i += 1) for (let j = i + 1; j < values.length; j += 1) slopes.push((values[j]! - values[i]!) / (j - i));
  const middle = median(values);
  return middle === 0 ? 0 : (median(slopes) * (values.length - 1)) / middle;
}
