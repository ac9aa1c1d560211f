/**
 * What must hold of the figures of two services of which one was ill. Lags are compared with those of the same service a minute before, under the same load, and not with
 * a time: what a machine can do is not what is asked. A figure that nobody has taken is a fault, too.
 *
 * Pure.
 */
import type { Ailment } from "./ailments.ts";
import type { Isolation } from "./isolation.ts";
import { watched } from "./residents.ts";

export interface IsolationCase extends Isolation {
  /** The sound service's lag while the other was ill, as a share of what it was before. */
  readonly lagRatio: { readonly p50: number; readonly p90: number };
}

/** How much longer the sound service's rows may be on their way, half of them and nine of ten of them, than before. */
export const lagBounds = { p50: 1.5, p90: 2 };

/** How much larger a process may be in the last third of the time in which events come to wait than in the first: a heap breathes. */
export const memoryBound = 1.25;

export function isolationFaults(found: IsolationCase, { waitsIn, says, maySay = [] }: Pick<Ailment, "waitsIn" | "says" | "maySay">): string[] {
  const all: [string, boolean][] = [
    [`the other service's lag is ${found.lagRatio.p50} of what it was`, !(found.lagRatio.p50 <= lagBounds.p50)],
    [`nine of ten of its rows took ${found.lagRatio.p90} of what they did`, !(found.lagRatio.p90 <= lagBounds.p90)],
    [`the other service says ${found.soundErrors.join(", ")}`, found.soundErrors.length > 0],
    [`the slot ${found.illSlotMoved ? "moved" : "did not move"}`, found.illSlotMoved !== (waitsIn === "topic")],
    ["the other service's slot did not move", !found.soundSlotMoved],
    [`it does not say ${says.join(", ")}`, says.some((code) => !found.says.includes(code))],
    [`it says ${found.says.join(", ")}`, found.says.some((code) => !says.includes(code) && !maySay.includes(code))],
    [`${found.different} rows differ`, found.different !== 0],
    [`${found.parked} keys are parked`, found.parked !== 0],
    ...watched.map((name): [string, boolean] => {
      const { first, last } = found.rssMb[name] ?? { first: 0, last: 0 };
      return [`the ${name} grew from ${first} to ${last} MB`, !(first > 0 && last <= first * memoryBound)];
    }),
  ];
  return all.filter(([, wrong]) => wrong).map(([what]) => what);
}
