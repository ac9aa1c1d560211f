/** What a run showed, and what several runs of it come to. */
export interface RunFigures {
  readonly seconds: number;
  /** By process: seconds of CPU, and the largest resident set in MB. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  readonly rssMb: Readonly<Record<string, number>>;
}

/** Medians of the runs. Public: docs/benchmarks.md. */
export interface Figures {
  readonly rowsPerSecond: number;
  readonly cpuSecondsPerMillionRows: Readonly<Record<string, number>>;
  readonly rssMb: Readonly<Record<string, number>>;
  /** Slowest and fastest run, rows a second. */
  readonly spread: readonly [number, number];
}

export function summarise(runs: readonly RunFigures[], rows: number): Figures {
  const rates = runs.map((run) => rows / run.seconds);
  return {
    rowsPerSecond: Math.round(median(rates)),
    cpuSecondsPerMillionRows: byProcess(
      runs,
      (run) => run.cpuSeconds,
      (value) => round((value * 1e6) / rows, 2),
    ),
    rssMb: byProcess(runs, (run) => run.rssMb, Math.round),
    spread: [Math.round(Math.min(...rates)), Math.round(Math.max(...rates))],
  };
}

function byProcess(
  runs: readonly RunFigures[],
  of: (run: RunFigures) => Readonly<Record<string, number>>,
  shown: (value: number) => number,
): Record<string, number> {
  const names = Object.keys(of(runs[0]!));
  return Object.fromEntries(names.map((name) => [name, shown(median(runs.map((run) => of(run)[name] ?? 0)))]));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
