/** Product and peers in turn, so that whatever slows the machine down slows all of them. */
import { type Figures, round, type RunFigures, summarise } from "./figures.ts";

/** A run, and whether its tables ended equal. */
export interface Outcome {
  readonly figures: RunFigures;
  readonly equal: boolean;
}

/** What runs in turn, the product first. A run without a table to compare gives its figures alone. */
export type Contestants = Readonly<Record<string, () => Promise<RunFigures | Outcome>>>;

export interface Compared {
  readonly product: Figures;
  readonly peers: Readonly<Record<string, Figures>>;
  /** Rows a second of the product by those of each peer. */
  readonly ratios: Readonly<Record<string, number>>;
}

/**
 * The product runs once more before, for nothing: the broker, which all but native share, has run for months where it is used, and its compilers took half a core from whoever came first
 * (8.5 us of CPU a row of w1 in the first run, 3.5 in the third).
 *
 * @throws where a run's tables differ
 */
export async function alternate(contestants: Contestants, runs: number, say: (line: string) => void): Promise<Record<string, RunFigures[]>> {
  const all: Record<string, RunFigures[]> = {};
  await contestants["product"]?.();
  for (let i = 1; i <= runs; i += 1) {
    const seconds: string[] = [];
    for (const [name, run] of Object.entries(contestants)) {
      const ended = await run();
      const figures = "equal" in ended ? ended.figures : ended;
      if ("equal" in ended && !ended.equal) throw new Error(`${name}: the tables differ after run ${i}`);
      (all[name] ??= []).push(figures);
      seconds.push(`${name} ${figures.seconds.toFixed(2)} s`);
    }
    say(`run ${i} of ${runs}: ${seconds.join(", ")}`);
  }
  return all;
}

/** Pure. */
export function compare({ product, ...peers }: Readonly<Record<string, readonly RunFigures[]>>, rows: number): Compared {
  const ours = summarise(product!, rows);
  const theirs = Object.fromEntries(Object.entries(peers).map(([name, figures]) => [name, summarise(figures, rows)]));
  const ratios = Object.fromEntries(Object.entries(theirs).map(([name, figures]) => [name, round(ours.rowsPerSecond / figures.rowsPerSecond, 2)]));
  return { product: ours, peers: theirs, ratios };
}
