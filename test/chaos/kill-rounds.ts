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

/** Of each fifty. The Java servers take seconds to come back, and less of what is delicate happens while they are away. */
const ofFifty: Readonly<Record<Killed, number>> = { connector: 17, applier: 17, source: 6, target: 6, broker: 2, registry: 2 };

const largestRound = 10;

export function killRounds(kills: number, seed: number): Kill[][] {
  const random = new SeededRandom(seed, "kills");
  let lots: Killed[] = [];
  const next = (): Kill => {
    if (lots.length === 0) lots = killed.flatMap((who) => Array.from({ length: ofFifty[who] }, () => who));
    return { who: random.take(lots), afterMs: random.between(0, 500), awayMs: random.chance(0.5) ? 0 : random.between(0, 600) };
  };
  const rounds: Kill[][] = [];
  for (let left = kills; left > 0;) {
    const size = Math.min(left, random.between(1, largestRound));
    left -= size;
    rounds.push(Array.from({ length: size }, next));
  }
  return rounds;
}
