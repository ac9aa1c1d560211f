/**
 * What must hold of a soak's figures. A figure that was never taken is within every bound, and so is one that is no number: what nobody has seen is a fault here, as is
 * what is wrong.
 *
 * Pure.
 */
import { disturbances as all } from "./disturbances.ts";
import { watched } from "./residents.ts";
import { fewestFigures } from "./trend.ts";

export interface Minute {
  readonly minute: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly rows: number;
  /** Of each process, at the minute's end. */
  readonly rssMb: Readonly<Record<string, number>>;
}

/** Of one process. */
export interface Held {
  /** Quarters of a minute that were looked at. */
  readonly figures: number;
  readonly rssMb: { readonly first: number; readonly last: number; readonly growth: number };
  readonly handles: { readonly first: number; readonly last: number; readonly growth: number };
}

export interface SoakFigures {
  readonly rows: number;
  readonly disturbances: Readonly<Record<string, number>>;
  /** From the answer to the commit to the sight of the row at the target. */
  readonly latency: readonly Minute[];
  readonly latencyGrowth: { readonly p50: number; readonly p99: number };
  readonly processes: Readonly<Record<string, Held>>;
  readonly different: number;
}

/** How much a figure may rise over the run, as a share of its median: by the trend of its minutes, without the first, in which heaps and compilers settle. */
export const growthBounds = { rss: 0.15, handles: 0.1, p50: 0.5, p99: 1 };

/** @param lived whether both processes are those that were started */
export function soakFaults({ rows, disturbances, processes, latency, latencyGrowth, different }: SoakFigures, lived: boolean): string[] {
  const silent = latency.filter((minute) => !(minute.rows > 0)).length;
  const found: [string, boolean][] = [
    ["a process has ended", !lived],
    ["no row was written", !(rows > 0)],
    [`${different} rows differ`, different !== 0],
    [`in ${silent} minutes no row arrived`, silent > 0],
    [`${latency.length} minutes are too few for a trend: it needs ${fewestFigures} behind the first`, latency.length <= fewestFigures],
    [`half of the rows take ${latencyGrowth.p50} longer at the end`, !(latencyGrowth.p50 <= growthBounds.p50)],
    [`one of a hundred rows takes ${latencyGrowth.p99} longer at the end`, !(latencyGrowth.p99 <= growthBounds.p99)],
    ...all.map((name): [string, boolean] => [`${name}: it never came`, !((disturbances[name] ?? 0) > 0)]),
    ...watched.flatMap((name) => heldFaults(name, processes[name])),
  ];
  return found.filter(([, wrong]) => wrong).map(([what]) => what);
}

function heldFaults(name: string, held: Held | undefined): [string, boolean][] {
  if (held === undefined || held.figures < fewestFigures)
    return [[`the memory of the ${name} was looked at for less than ${fewestFigures} quarters of a minute`, true]];
  const { rssMb, handles } = held;
  return [
    [`the memory of the ${name} has grown by ${rssMb.growth}`, !(rssMb.growth <= growthBounds.rss)],
    [`the handles of the ${name} have grown by ${handles.growth}`, !(handles.growth <= growthBounds.handles)],
  ];
}
