/** What a run of isolation comes to: of how long rows were on their way, and of what processes took. Pure. */
import { quantile } from "../../infra/demo/quantile.ts";
import { round } from "../bench/figures.ts";
import type { Resident } from "./residents.ts";

/** Milliseconds. */
export interface Lag {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly rows: number;
}

/** Peaks in MB: while all were well, and in the first and the last third of the time in which events came to wait. */
export interface Memory {
  readonly before: number;
  readonly first: number;
  readonly last: number;
}

export function lagOf(lags: readonly number[]): Lag {
  const share = (q: number): number => round(quantile(lags, q), 1);
  return { p50: share(0.5), p90: share(0.9), p99: share(0.99), rows: lags.length };
}

export function memoryOf(before: Map<string, Resident[]>, during: Map<string, Resident[]>): Record<string, Memory> {
  return Object.fromEntries(
    [...during].map(([name, samples]) => {
      const third = Math.ceil(samples.length / 3);
      return [name, { before: peak(before.get(name)), first: peak(samples.slice(0, third)), last: peak(samples.slice(-third)) }];
    }),
  );
}

function peak(samples: readonly Resident[] = []): number {
  return round(Math.max(0, ...samples.map(({ rssMb }) => rssMb)), 1);
}
