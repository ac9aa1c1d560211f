/**
 * Who is killed when, and how long it stays away: rounds of kills that follow closely on one another, so that some fall on a process that is just starting and on
 * servers that are away together; behind each round the pipeline has to get through again.
 *
 * Pure: the same seed gives the same rounds.
 */
import { SeededRandom } from "../../infra/demo/seeded-random.ts";

export const killed = ["connector", "applier", "source", "target", "broker", "registry"] as const;

export type Killed = (typeof killed)[number];

export interface Kill {
  readonly who: Killed;
  /** Milliseconds behind the kill before it, or behind the beginning of the round. */
  readonly afterMs: number;
  /** Milliseconds before it is started again. */
  readonly awayMs: number;
}

/** The Java servers take seconds to come back, and less of what is delicate happens while they are away. */
const weights: Readonly<Record<Killed, number>> = { connector: 32, applier: 32, source: 14, target: 14, broker: 4, registry: 4 };

const largestRound = 12;

export function killRounds(kills: number, seed: number): Kill[][] {
  const random = new SeededRandom(seed, "kills");
  const lots = killed.flatMap((who) => Array.from({ length: weights[who] }, () => who));
  const rounds: Kill[][] = [];
  for (let left = kills; left > 0;) {
    const size = Math.min(left, random.between(1, largestRound));
    left -= size;
    rounds.push(
      Array.from({ length: size }, () => ({
        who: random.pick(lots),
        afterMs: random.between(0, 500),
        awayMs: random.chance(0.5) ? 0 : random.between(0, 600),
      })),
    );
  }
  return rounds;
}
