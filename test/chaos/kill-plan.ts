/**
 * When a process is killed: shares of the copy, one in each of as many equal parts as there are kills, so that none of them falls on the same moments and the whole
 * copy is covered. Nothing of the first and the last hundredth, where the copy is not surely under way.
 *
 * Pure.
 */
import type { SeededRandom } from "../../infra/demo/seeded-random.ts";

const [from, to] = [0.01, 0.95];

/** @returns shares of the copy, ascending */
export function killShares(random: SeededRandom, kills: number): number[] {
  return Array.from({ length: kills }, (_, i) => from + ((i + random.fraction()) / kills) * (to - from));
}
